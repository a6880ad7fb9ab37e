"""The plugin against an in-memory service: the SDK's requests and their answers."""

import asyncio
import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path

import flyte
import httpx
import pytest
from flyte._internal.imagebuild.image_builder import ImageBuildEngine

from boatyard.ports import Scope
from boatyard_client.client import Client
from boatyard_client.endpoint import Endpoint
from boatyard_flyte import local_secrets, sdk
from boatyard_flyte.builder import BoatyardImageBuilder
from boatyard_flyte.lowering import NamedSecret
from tests.client.service import MemoryService
from tests.flyte.images import BASE, named

Build = Callable[..., sdk.ImageBuild]


@pytest.fixture
def service() -> Iterator[MemoryService]:
    running = MemoryService()
    yield running
    running.close()


@pytest.fixture
def build(service: MemoryService) -> Build:
    builder = BoatyardImageBuilder(lambda: Client(service.url))

    def run(image: flyte.Image, **options: bool) -> sdk.ImageBuild:
        return asyncio.run(builder.build_image(image, **options))

    return run


def test_the_sdk_finds_it_by_name_and_always_asks_it() -> None:
    (point,) = importlib.metadata.entry_points(group="flyte.plugins.image_builders", name="boatyard")
    assert point.load() is BoatyardImageBuilder
    builder = ImageBuildEngine._get_builder("boatyard")  # type: ignore[arg-type]
    (checker,) = builder.get_checkers() or []
    assert asyncio.run(checker.image_exists("repository", "tag")) is None


def test_an_image_is_built_once_and_then_cached(
    build: Build, service: MemoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    image = named("x").with_commands(["true"])
    first = build(image)
    assert first.uri is not None
    assert first.uri.startswith("registry.example.com/images/x@sha256:")
    assert first.remote_run is None
    assert "[boatyard] x: built in " in capsys.readouterr().err
    assert build(image).uri == first.uri
    assert "[boatyard] x: cached, answered in " in capsys.readouterr().err
    assert len(service.builds()) == 1
    build(image, force=True)
    assert len(service.builds()) == 2


def test_files_are_uploaded_once(build: Build, service: MemoryService, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    image = named("x").with_source_file(tmp_path / "a.py")
    build(image)
    build(image, force=True)
    assert sum(request.startswith("PUT /uploads/") for request in service.requests) == 1


def test_without_waiting_there_is_no_uri_but_an_id(
    build: Build, service: MemoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(named("x").with_commands(["HOLD"]), wait=False).uri is None
    (running,) = service.builds()
    assert f"boatyard logs -f {running.id}" in capsys.readouterr().err


def test_a_dry_run_prints_the_plan(build: Build, service: MemoryService, capsys: pytest.CaptureFixture[str]) -> None:
    made = build(named("x").with_commands(["true"]), dry_run=True)
    out = capsys.readouterr().out
    assert f"target: {made.uri}\n" in out
    assert "layer 0: with_commands(['true'])\n" in out
    assert service.builds() == ()


def test_a_failure_has_code_layer_call_lines_and_advice(build: Build) -> None:
    with pytest.raises(flyte.errors.ImageBuildError) as failed:
        build(named("x").with_commands(["FAIL"]))
    lines = str(failed.value).splitlines()
    assert lines[:-1] == [
        "COMMAND_FAILED: the command ended with 3",
        "  layer 0: with_commands(['x'])",
        "  the last lines:",
        "  | one",
        "  | three",
        "Read its last lines.",
    ]
    assert lines[-1].startswith("The whole log: boatyard logs ")


def test_what_is_refused_on_this_side_is_an_error_of_the_sdk_too(build: Build, service: MemoryService) -> None:
    with pytest.raises(flyte.errors.ImageBuildError, match="INVALID_SPEC: with_requirements"):
        build(named("x").with_requirements("/nowhere/requirements.txt"))
    assert service.requests == []


def test_a_platform_that_is_not_built_there_is_refused(build: Build, service: MemoryService) -> None:
    with pytest.raises(flyte.errors.ImageBuildError, match=r"UNSUPPORTED: layer 0, .* needs commands on linux/arm64"):
        build(named("x").clone(platform=("linux/arm64",), extendable=True).with_commands(["true"]))
    assert service.builds() == ()


def test_nothing_configured_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(flyte.errors.ImageBuildError, match="start one with `boatyard serve` or set BOATYARD_URL"):
        asyncio.run(BoatyardImageBuilder().build_image(named("x").with_commands(["true"])))


def test_an_image_that_is_only_a_reference_is_answered_with_it(build: Build, service: MemoryService) -> None:
    assert build(flyte.Image.from_base(BASE), force=True).uri == BASE
    assert service.requests == []


def test_project_and_domain_are_those_of_the_sdk(build: Build, service: MemoryService) -> None:
    image = named("x").with_commands(["true"])
    build(image)
    flyte.init(image_builder="boatyard", project="flytesnacks", domain="staging")
    build(image, force=True)
    scopes = [(made.project, made.domain) for made in service.builds()]
    assert scopes == [("flytesnacks", "staging"), ("default", "development")]


class TestSecrets:
    IMAGE = named("x").with_commands(["true"], secret_mounts=[flyte.Secret(key="token", group="git")])

    def test_one_that_the_local_server_lacks_is_set_from_this_machine(
        self, build: Build, service: MemoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TOKEN", "value of the variable")
        assert build(self.IMAGE).uri
        assert service.secrets.missing(Scope("default", "development"), ["git_token"]) == ()

    def test_one_that_is_there_is_left_as_it_is(
        self, build: Build, service: MemoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TOKEN", "first")
        build(self.IMAGE)
        monkeypatch.setenv("GIT_TOKEN", "second")
        build(self.IMAGE, force=True)
        assert [request for request in service.requests if "secrets" in request] == ["PUT /v1/secrets/git_token"]

    def test_a_file_counts_where_the_variable_is_not_set(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(local_secrets, "FOLDER", tmp_path)
        secret = NamedSecret("Key", "group")
        assert local_secrets.find(secret) is None
        (tmp_path / "group_Key").write_text("of the file\n")
        assert local_secrets.find(secret) == "of the file\n"
        monkeypatch.setenv("GROUP_KEY", "of the variable")
        assert local_secrets.find(secret) == "of the variable"

    def test_one_that_is_nowhere_is_named_with_where_it_was_looked_for(self, build: Build) -> None:
        with pytest.raises(flyte.errors.ImageBuildError, match=r"SECRET_NOT_FOUND: .*'git_token'.*GIT_TOKEN"):
            build(self.IMAGE)

    @pytest.mark.parametrize("name", ["cloud_key", "../cloud_key", "git_token/../../cloud_key"])
    def test_what_the_image_does_not_name_is_never_sent(
        self, service: MemoryService, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise any server on loopback could request any variable and any file of this machine."""
        (tmp_path / "secrets").mkdir()
        (tmp_path / "cloud_key").write_text("private")
        monkeypatch.setattr(local_secrets, "FOLDER", tmp_path / "secrets")
        monkeypatch.setenv("CLOUD_KEY", "private")
        sent: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            refusal = {"type": "x", "title": "x", "status": 422, "detail": "x", "code": "SECRET_NOT_FOUND"}
            return httpx.Response(422, json={**refusal, "retryable": False, "advice": "x", "missing": [name]})

        builder = BoatyardImageBuilder(lambda: Client(service.url, over=httpx.MockTransport(answer)))
        with pytest.raises(flyte.errors.ImageBuildError, match="does not name"):
            asyncio.run(builder.build_image(self.IMAGE))
        assert [request.method for request in sent] == ["POST"]

    def test_a_registry_secret_is_set_as_one_for_pulling(
        self, build: Build, service: MemoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PULL", '{"auths": {"ghcr.io": {"auth": "eDp5"}}}')
        build(named("x").clone(registry_secret="pull", extendable=True).with_commands(["true"]))
        assert "PUT /v1/secrets/pull" in service.requests

    @pytest.mark.parametrize(
        ("url", "local"),
        [
            ("http://127.0.0.1:8080", True),
            ("http://[::1]:8080", True),
            ("http://localhost", True),
            ("https://boatyard.example.com", False),
            ("https://localhost.example.com", False),
            ("https://10.0.0.1", False),
        ],
    )
    def test_values_go_to_loopback_only(self, url: str, local: bool) -> None:
        assert local_secrets.is_local(Endpoint(url, "test")) is local


class TestPixi:
    @pytest.fixture
    def image(self, tmp_path: Path) -> flyte.Image:
        (tmp_path / "pixi.toml").write_text("[workspace]\nchannels = []\nplatforms = ['linux-64']\n")
        return named("x").with_pixi_project(tmp_path / "pixi.toml")

    def test_refused_at_plan_time_where_its_site_is_not_to_be_used(
        self, build: Build, image: flyte.Image, service: MemoryService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOATYARD_PIXI", "refuse")
        for options in ({"dry_run": True}, {}):
            with pytest.raises(flyte.errors.ImageBuildError, match=r"UNSUPPORTED: .*pixi.*its own site"):
                build(image, **options)
        assert service.builds() == ()

    def test_refused_where_its_site_does_not_answer(
        self, build: Build, image: flyte.Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("boatyard_flyte.downloads._answers", lambda site: False)
        with pytest.raises(flyte.errors.ImageBuildError, match="does not answer from here"):
            build(image)

    def test_built_where_it_is_allowed(self, build: Build, image: flyte.Image, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOATYARD_PIXI", "allow")
        assert build(image).uri
