"""A base image and a target in private registries, with the login in a registry secret.

The registries are the distribution project's own: one with a password file, one with a token server.
"""

import base64
import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from boatyard.api.messages import SecretRequest
from boatyard.build import State
from boatyard_client.errors import BuildFailedError
from tests.registry.distribution import PASSWORD, USER, Distribution
from tests.registry.token_server import TokenServer
from tests.whole.registry import MANIFESTS
from tests.whole.yard import BASE, Yard, unique, yard

pytestmark = pytest.mark.integration
TOKEN_USER, TOKEN_PASSWORD = "robot", "hunter2-token"


class Private:
    """A Boatyard without a login, and two registries that require one."""

    def __init__(self, boatyard: Yard, bases: Distribution, targets: Distribution) -> None:
        self.boatyard = boatyard
        self.base = f"{bases.address}/team/python:1"
        self.bases, self.targets = bases.address, targets.address

    def sign_in(
        self, *, bases: str = PASSWORD, targets: str = TOKEN_PASSWORD, name: str = "both", project: str = "default"
    ) -> None:
        logins = {self.bases: f"{USER}:{bases}", self.targets: f"{TOKEN_USER}:{targets}"}
        auths = {host: {"auth": base64.b64encode(login.encode()).decode()} for host, login in logins.items()}
        value = json.dumps({"auths": auths})
        self.boatyard.client.put_secret(name, SecretRequest(kind="image_pull", value=value, project=project))

    def build(self, layer: dict[str, object], *, named: str = "both", base: str = "", **fields: str) -> str:
        return self.boatyard.build(
            layer,
            base={**BASE, "baseImage": base or self.base},
            target={"registry": f"{self.targets}/team"},
            registrySecret=named,
            **fields,
        )

    def digest_of_base(self) -> str:
        answer = httpx.head(
            f"http://{self.bases}/v2/team/python/manifests/1", headers={"accept": MANIFESTS}, auth=(USER, PASSWORD)
        )
        answer.raise_for_status()
        return answer.headers["docker-content-digest"]

    def failure(self, layer: dict[str, object], **fields: str) -> str:
        with pytest.raises(BuildFailedError) as failed:
            self.build(layer, **fields)
        build = failed.value.build
        assert build.state is State.FAILED and build.error is not None
        told = json.dumps([build.error.message, build.error.advice, *build.error.log_tail])
        assert "hunter2" not in told and PASSWORD not in told and "wrong-pass" not in told
        return build.error.code


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    folder = tmp_path_factory.mktemp("private")
    (folder / "bases").mkdir()
    (folder / "targets").mkdir()
    tokens = TokenServer(folder, TOKEN_USER, TOKEN_PASSWORD)
    bases = Distribution(folder / "bases", guarded=False)
    targets = Distribution(folder / "targets", auth=tokens.configuration)
    try:
        with yard(folder / "plain") as plain:
            source = next(rule.image for rule in plain.settings.base_images if rule.match == BASE["baseImage"])
            docker = plain.docker
            for arguments in (
                ["pull", source],
                ["tag", source, f"{bases.address}/team/python:1"],
                ["push", f"{bases.address}/team/python:1"],
                ["image", "rm", f"{bases.address}/team/python:1"],  # a Docker engine takes an image that it has
            ):
                subprocess.run([*docker.command, *arguments], env=docker.env, check=True, capture_output=True)
            insecure = ",".join((*plain.settings.insecure_registries, bases.address, targets.address))
        bases.start(guarded=True)
        with yard(folder / "state", INSECURE_REGISTRIES=insecure) as boatyard:
            yield Private(boatyard, bases, targets)
    finally:
        bases.stop()
        targets.stop()
        tokens.close()


def test_one_secret_pulls_from_one_registry_and_pushes_to_another(private: Private) -> None:
    private.sign_in()
    layer = unique()
    image = private.build(layer)
    assert image.startswith(f"{private.targets}/team/whole@sha256:")


def test_a_wrong_password_that_is_set_right_is_tried_at_once(private: Private) -> None:
    layer = unique()
    private.sign_in(bases="wrong-pass")
    assert private.failure(layer) == "BASE_IMAGE_DENIED"
    private.sign_in(targets="wrong-pass")
    assert private.failure(layer) == "PUSH_DENIED"
    private.sign_in()
    assert private.build(layer)


def test_another_secret_that_is_named_after_a_failure_is_tried_at_once(private: Private) -> None:
    layer = unique()
    private.sign_in(bases="wrong-pass", name="old")
    private.sign_in(name="new")
    assert private.failure(layer, named="old") == "BASE_IMAGE_DENIED"
    assert private.build(layer, named="new")


def test_an_image_that_only_the_secret_can_see_is_not_built_twice(private: Private) -> None:
    private.sign_in()
    layer = unique()
    image = private.build(layer)
    assert private.build(layer) == image
    newest = private.boatyard.client.builds(page_size=1).builds[0]
    lines = "\n".join(private.boatyard.client.logs(newest.id).lines)
    assert "is in the registry already, so nothing is built" in lines and "uv" not in lines


def test_a_base_that_one_project_has_pulled_is_denied_to_another_without_the_login(private: Private) -> None:
    private.sign_in()
    private.sign_in(project="other", bases="wrong-pass")
    layer = unique()
    private.build(layer)
    assert private.failure(layer, project="other") == "BASE_IMAGE_DENIED"
    digest = private.digest_of_base()
    private.build(unique(), base=f"{private.base.rpartition(':')[0]}@{digest}")
    pinned = f"{private.base.rpartition(':')[0]}@{digest}"
    assert private.failure(unique(), base=pinned, project="other") == "BASE_IMAGE_DENIED"
