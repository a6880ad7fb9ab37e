"""The configuration has one model, from variables, JSON, a file or the bucket."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.configuration import Configuration, configure
from boatyard_gcp.rest import GoogleRest
from tests.gcp.metadata_server import PROJECT
from tests.gcp.site import variables

SETTINGS = {"defaultRepository": "r.example/i", "limits": {"layers": 7}}
HEAVY = (
    *("google.auth", "google.cloud.devtools", "google.protobuf", "grpc", "cryptography", "requests", "lightkube"),
    *("boatyard_connect", "boatyard_kubernetes", "boatyard_serverless.builds"),
)
CLUSTER = f"projects/{PROJECT}/locations/europe-west1/clusters/dataplane"


def made(rest: GoogleRest, **more: str) -> Configuration:
    return configure(variables("b-1", **more), partial(GcsBucket, rest))


def test_settings_are_json_in_a_variable_a_file_or_the_bucket(
    rest: GoogleRest, bucket: GcsBucket, tmp_path: Path
) -> None:
    text = json.dumps(SETTINGS)
    path = tmp_path / "settings.json"
    path.write_text(text)
    bucket.put("a/settings.json", text.encode())
    for given in (text, str(path), f"gs://{bucket.name}/a/settings.json"):
        chosen = variables("b-1", BOATYARD_SETTINGS=given)
        del chosen["BOATYARD_DEFAULT_REPOSITORY"]
        settings = configure(chosen, partial(GcsBucket, rest)).settings
        assert settings.default_repository == "r.example/i" and settings.limits.layers == 7


def test_settings_that_the_bucket_does_not_have_are_named(rest: GoogleRest, bucket: GcsBucket) -> None:
    url = f"gs://{bucket.name}/nothing.json"
    with pytest.raises(BoatyardError, match=f"there is no {url}"):
        made(rest, BOATYARD_SETTINGS=url)


def test_names_may_be_short_or_whole(rest: GoogleRest) -> None:
    key, *topics = (f"projects/{PROJECT}/{name}" for name in ("secrets/key", "topics/work", "topics/dead"))
    for names in (("key", "work", "dead", "europe-west1/dataplane"), (key, *topics, CLUSTER)):
        named = dict(zip(("DEPLOYMENT_KEY", "QUEUE", "DEAD_LETTERS", "CLUSTER"), names, strict=True))
        found = made(rest, BOATYARD_RUNNER="kubernetes", **{f"BOATYARD_{name}": each for name, each in named.items()})
        assert found.deployment_key == key and found.cluster == CLUSTER
        assert [found.queue, found.dead_letters] == topics


def test_what_is_not_set_has_a_default(rest: GoogleRest) -> None:
    found = made(rest)
    assert (found.queue, found.dead_letters, found.cluster) == ("", "", "")
    assert found.cloudbuild_logs == "gs://b-1/logs" and found.repository_tags == "IMMUTABLE"
    assert not found.create_repositories and not found.anonymous


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"BOATYARD_PROJECT": ""}, "BOATYARD_PROJECT"),
        ({"BOATYARD_BUCKET": ""}, "BOATYARD_BUCKET"),
        ({"BOATYARD_DEPLOYMENT_KEY": ""}, "BOATYARD_DEPLOYMENT_KEY"),
        ({"BOATYARD_DEPLOYMENT_KEY": "projects/p/topics/x"}, "BOATYARD_DEPLOYMENT_KEY"),
        ({"BOATYARD_QUEUE": "a/b"}, "BOATYARD_QUEUE"),
        ({"BOATYARD_QUEUE": "projects/p/topics/../x"}, "BOATYARD_QUEUE"),
        ({"BOATYARD_DEAD_LETTERS": "projects/p/subscriptions/x"}, "BOATYARD_DEAD_LETTERS"),
        ({"BOATYARD_RUNNER": "codebuild"}, "BOATYARD_RUNNER"),
        ({"BOATYARD_RUNNER": "kubernetes"}, "BOATYARD_CLUSTER is needed"),
        ({"BOATYARD_RUNNER": "kubernetes", "BOATYARD_CLUSTER": "dataplane"}, "BOATYARD_CLUSTER is neither"),
        ({"BOATYARD_CLOUDBUILD_IMAGE": ""}, "BOATYARD_CLOUDBUILD_IMAGE is needed"),
        ({"BOATYARD_CLOUDBUILD_ACCOUNT": ""}, "BOATYARD_CLOUDBUILD_ACCOUNT is needed"),
        ({"BOATYARD_CLOUDBUILD_LOCATION": ""}, "BOATYARD_CLOUDBUILD_LOCATION is needed"),
        ({"BOATYARD_CLOUDBUILD_DISK_GB": "much"}, "BOATYARD_CLOUDBUILD_DISK_GB"),
        ({"BOATYARD_REPOSITORY_TAGS": "SOMETIMES"}, "BOATYARD_REPOSITORY_TAGS"),
        ({"BOATYARD_KMS_KEY": "key"}, "BOATYARD_KMS_KEY is not projects/"),
        ({"BOATYARD_ANONYMOUS": "true"}, "exclude each other"),
        ({"BOATYARD_SETTINGS": "{"}, "BOATYARD_SETTINGS: not JSON"),
        ({"BOATYARD_SETTINGS": '{"buildKitUri": "x"}'}, "buildKitUri"),
        ({"BOATYARD_LIMITS__LAYERS": "many"}, "BOATYARD_LIMITS__LAYERS"),
        ({"BOATYARD_DEFAULT_REPOSITORY": "europe-docker.pkg.dev/p"}, "cannot hold images"),
        ({"BOATYARD_DEFAULT_REPOSITORY": "europe-docker.pkg.dev/p/r", "BOATYARD_REPOSITORY_LAYOUT": "one"}, "/<name>"),
    ],
)
def test_a_mistake_is_named(rest: GoogleRest, wrong: dict[str, str], words: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        made(rest, **wrong)
    assert refused.value.code == "INVALID_SPEC" and words in refused.value.detail


@pytest.mark.parametrize(
    ("repository", "layout"),
    [
        ("europe-docker.pkg.dev/p/r", ""),
        ("europe-docker.pkg.dev/example.com/p/r/below", ""),
        ("europe-docker.pkg.dev/p/r/all", "one"),
        ("gcr.io/p", ""),
        ("ghcr.io/acme", "one"),
    ],
)
def test_a_repository_that_can_hold_images_is_taken(rest: GoogleRest, repository: str, layout: str) -> None:
    more = {"BOATYARD_REPOSITORY_LAYOUT": layout} if layout else {}
    found = made(rest, BOATYARD_DEFAULT_REPOSITORY=repository, **more)
    assert found.settings.default_repository == repository


def test_to_read_it_takes_none_of_googles_libraries() -> None:
    """Each import would cost tenths of a second of a cold start."""
    code = (
        "import sys; from boatyard_gcp.wiring import Parts; "
        f"parts = Parts({variables('b-1')!r}); parts.http_app; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
