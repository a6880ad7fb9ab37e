"""The configuration has one model, from variables, JSON, a file or the bucket."""

import json
from functools import partial
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.configuration import configure

BASE = {
    "BOATYARD_BUCKET": "b",
    "BOATYARD_DEPLOYMENT_KEY": "k",
    "BOATYARD_RUNNER": "kubernetes",
    "BOATYARD_CLUSTER": "c",
}
SETTINGS = {"defaultRepository": "r.example/i", "limits": {"layers": 7}}


def test_settings_are_json_in_a_variable_a_file_or_the_bucket(clients: Clients, bucket: str, tmp_path: Path) -> None:
    text = json.dumps(SETTINGS)
    path = tmp_path / "settings.json"
    path.write_text(text)
    S3Bucket(clients, bucket).put("settings.json", text.encode())
    for given in (text, str(path), f"s3://{bucket}/settings.json"):
        made = configure({**BASE, "BOATYARD_SETTINGS": given}, partial(S3Bucket, clients)).settings
        assert made.default_repository == "r.example/i" and made.limits.layers == 7


def test_a_variable_stands_above_the_document(clients: Clients) -> None:
    variables = {
        **BASE,
        "BOATYARD_SETTINGS": json.dumps(SETTINGS),
        "BOATYARD_LIMITS__LAYERS": "9",
        "BOATYARD_PLATFORMS": "linux/amd64, linux/arm64",
        "BOATYARD_ENABLED": "false",
        "BOATYARD_URL": "of another part",
    }
    made = configure(variables, partial(S3Bucket, clients)).settings
    assert made.limits.layers == 9 and made.default_repository == "r.example/i" and not made.enabled
    assert made.platforms == ("linux/amd64", "linux/arm64")


def test_the_functions_own_variables(clients: Clients) -> None:
    made = configure(
        {**BASE, "BOATYARD_CREATE_REPOSITORIES": "true", "BOATYARD_SECRET_PREFIX": "by"}, partial(S3Bucket, clients)
    )
    assert made.create_repositories and made.secret_prefix == "by" and made.repository_tags == "IMMUTABLE"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"BOATYARD_RUNNER": "codebuild"}, "BOATYARD_CODEBUILD_PROJECT"),
        ({"BOATYARD_RUNNER": "nomad"}, "BOATYARD_RUNNER"),
        ({"BOATYARD_BUCKET": ""}, "BOATYARD_BUCKET"),
        ({"BOATYARD_DEPLOYMENT_KEY": ""}, "BOATYARD_DEPLOYMENT_KEY"),
        ({"BOATYARD_SETTINGS": "{"}, "BOATYARD_SETTINGS: not JSON"),
        ({"BOATYARD_SETTINGS": "/no/such/file"}, "cannot be read"),
        ({"BOATYARD_SETTINGS": '{"buildKitUri": "x"}'}, "buildKitUri"),
        ({"BOATYARD_LIMITS__LAYERS": "many"}, "BOATYARD_LIMITS__LAYERS"),
        ({"BOATYARD_REGISTRY_MIRRORS": "x"}, "BOATYARD_REGISTRY_MIRRORS"),
    ],
)
def test_a_mistake_is_named(clients: Clients, variables: dict[str, str], words: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        configure({**BASE, **variables}, partial(S3Bucket, clients))
    assert refused.value.code == "INVALID_SPEC" and words in refused.value.detail


@pytest.mark.parametrize(
    ("settings", "layout"),
    [
        ({"defaultRepository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/images"}, "one"),
        ({"defaultRepository": "123456789012.dkr-ecr.eu-west-1.on.aws/images"}, "one"),
        (
            {"defaultRepository": "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/i", "repositoryLayout": "each"},
            "each",
        ),
        ({"defaultRepository": "ghcr.io/acme"}, None),
        ({"defaultRepository": "ghcr.io/acme", "repositoryLayout": "one"}, "one"),
    ],
)
def test_a_default_repository_in_ecr_holds_all_images(
    settings: dict[str, str], layout: str | None, clients: Clients
) -> None:
    made = configure({**BASE, "BOATYARD_SETTINGS": json.dumps(settings)}, partial(S3Bucket, clients))
    assert made.settings.repository_layout == layout
