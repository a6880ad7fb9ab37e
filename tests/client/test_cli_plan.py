"""`boatyard plan`, with and without a service, for every kind of file."""

import json
from pathlib import Path

import pytest

from boatyard_client.settings_file import find_settings
from boatyard_local import load_settings
from tests.client.commands import boatyard
from tests.client.service import MemoryService
from tests.client.trees import make

SPEC = {
    "baseImage": "python:3.12-slim",
    "pythonVersion": "3.12",
    "layers": [{"pipPackages": {"packages": ["requests"]}}],
}


@pytest.fixture
def spec(folder: Path) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps(SPEC))
    return path


def test_without_any_configuration_there_is_a_plan(spec: Path) -> None:
    done = boatyard("plan", spec, "--json")
    plan = done.json()
    assert done.code == 0 and len(plan["key"]) == 64
    assert plan["target"] == f"localhost/boatyard/image:{plan['key'][:32]}" and plan["placeholderTarget"]
    assert plan["platforms"] == ["linux/amd64"] and plan["dockerfile"].startswith("FROM docker.io/library/python")
    assert [(layer["index"], layer["kind"]) for layer in plan["layers"]] == [(0, "pipPackages")]
    assert len(plan["layers"][0]["key"]) == 64 and plan["layers"][0]["sdkCall"] == "with_pip_packages('requests')"


def test_for_people_it_says_that_the_target_is_a_placeholder(spec: Path) -> None:
    done = boatyard("plan", spec)
    assert done.code == 0 and "with_pip_packages('requests')" in done.out and "RUN" in done.out
    assert "placeholder" in done.err and "--registry" in done.err


def test_a_registry_given_is_the_target_and_no_part_of_the_key(spec: Path) -> None:
    plain = boatyard("plan", spec, "--json").json()
    plan = boatyard("plan", spec, "--json", "--registry", "ghcr.io/acme", "--name", "mine").json()
    assert plan["target"].startswith("ghcr.io/acme/mine:") and "placeholderTarget" not in plan
    assert plan["key"] == plain["key"]


def test_platforms_can_be_given(spec: Path, folder: Path) -> None:
    refused = boatyard("plan", spec, "--platform", "linux/s390x")
    assert refused.code == 1 and "UNSUPPORTED" in refused.err and refused.err.count("\n") == 1
    both = boatyard("plan", spec, "--platform", "linux/arm64", "--platform", "linux/amd64", "--json").json()
    assert boatyard("plan", spec, "--platform", "linux/arm64,linux/amd64", "--json").json()["key"] == both["key"]
    assert both["platforms"] == ["linux/amd64", "linux/arm64"]
    assert both["key"] != boatyard("plan", spec, "--json").json()["key"]


def test_commands_need_a_platform_that_the_settings_name(folder: Path) -> None:
    spec = folder / "commands.json"
    spec.write_text(json.dumps({**SPEC, "layers": [{"commands": {"cmd": ["true"]}}]}))
    refused = boatyard("plan", spec, "--platform", "linux/arm64")
    assert refused.code == 1 and "UNSUPPORTED: layer 0, with_commands" in refused.err
    (folder / "boatyard.toml").write_text('platforms = ["linux/amd64", "linux/arm64"]\n')
    assert boatyard("plan", spec, "--platform", "linux/arm64", "--json").json()["platforms"] == ["linux/arm64"]


def test_the_projects_settings_count_over_those_of_this_machine(spec: Path, folder: Path) -> None:
    make(folder, {".boatyard": {"boatyard.toml": b'defaultRepository = "a.example.com/x"\n[limits]\nlayers = 5\n'}})
    assert boatyard("plan", spec, "--json").json()["target"].startswith("a.example.com/x/image:")
    (folder / "boatyard.toml").write_text('defaultRepository = "b.example.com/y"\n[client]\nproject = "p"\n')
    plan = boatyard("plan", spec, "--json").json()
    assert plan["target"].startswith("b.example.com/y/image:")
    assert plan["plannedBy"] == f"{folder / '.boatyard/boatyard.toml'}, {folder / 'boatyard.toml'}"
    (folder / "only.toml").write_text('defaultRepository = "c.example.com/z"\n')
    alone = boatyard("plan", spec, "--json", "--settings", "only.toml").json()
    assert alone["target"].startswith("c.example.com/z/image:")


def test_files_are_joined_as_the_server_joins_them(folder: Path) -> None:
    beneath = (
        b'defaultRepository = "a.example.com/x"\n[limits]\nlayers = 5\n[[baseImages]]\nmatch = "*"\nimage = "a:1"\n'
    )
    over = b'[limits]\nrequestBytes = 6\n[[baseImages]]\nmatch = "python*"\nimage = "b:1"\n[client]\ndomain = "d"\n'
    make(folder, {".boatyard": {"boatyard.toml": beneath}, "boatyard.toml": over})
    found, files = find_settings()
    assert found == load_settings(files[1], {}, beneath=files[0]) and len(files) == 2
    assert [rule.image for rule in found.base_images] == ["b:1", "a:1"] and found.limits.layers == 5


def test_a_service_plans_with_its_own_settings(spec: Path, service: MemoryService) -> None:
    plan = boatyard("plan", spec, "--json", "--url", service.url).json()
    assert plan["target"].startswith("registry.example.com/images/image:") and plan["plannedBy"] == service.url
    assert service.requests == ["POST /v1/plans"]


def test_a_service_that_is_configured_and_gone_is_done_without(
    spec: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOATYARD_URL", service.url)
    service.stop()
    done = boatyard("plan", spec, "--json")
    assert done.code == 0 and done.json()["plannedBy"] == "defaults"
    assert "does not answer; planned here" in done.err
    named = boatyard("plan", spec, "--url", service.url)
    assert named.code == 1 and "no Boatyard answers at" in named.err
    assert boatyard("plan", spec, "--offline").err.count("does not answer") == 0
    service.start()


def test_a_dockerfile_brings_the_folder_it_lies_in(folder: Path) -> None:
    make(folder / "web", {"Dockerfile": b"FROM scratch\nCOPY . /\n", "a": b"1", ".dockerignore": b"noise\n"})
    first = boatyard("plan", "web/Dockerfile", "--json").json()
    assert first["dockerfile"] == "FROM scratch\nCOPY . /\n" and first["layers"] == []
    (folder / "web" / "noise").write_text("x")
    assert boatyard("plan", "web/Dockerfile", "--json").json()["key"] == first["key"]
    (folder / "web" / "a").write_text("2")
    assert boatyard("plan", "web/Dockerfile", "--json").json()["key"] != first["key"]
    elsewhere = make(folder / "elsewhere", {"b": b"1"})
    other = boatyard("plan", "web/Dockerfile", "--json", "--context", elsewhere).json()
    assert other["key"] != first["key"]


def test_files_that_a_spec_copies_come_from_the_context_folder(folder: Path) -> None:
    spec = {**SPEC, "layers": [{"copyConfig": {"src": "app", "dst": "/app"}}]}
    (folder / "spec.json").write_text(json.dumps(spec))
    missing = boatyard("plan", "spec.json")
    assert missing.code == 1 and "--context DIR" in missing.err
    make(folder / "files", {"app": {"a.py": b"1", "skip": b"1"}, ".dockerignore": b"**/skip\n", "other": b"1"})
    first = boatyard("plan", "spec.json", "--context", "files", "--json").json()
    make(folder / "files", {"other": b"2", "app": {"skip": b"2"}})
    assert boatyard("plan", "spec.json", "--context", "files", "--json").json()["key"] == first["key"]
    make(folder / "files", {"app": {"a.py": b"2"}})
    assert boatyard("plan", "spec.json", "--context", "files", "--json").json()["key"] != first["key"]
    nowhere = boatyard("plan", "spec.json", "--context", "nowhere")
    assert nowhere.code == 1 and "not a folder" in nowhere.err


def test_a_spec_comes_from_standard_input_as_well() -> None:
    assert boatyard("plan", "-", "--json", stdin=json.dumps(SPEC)).json()["layers"]


def test_what_a_file_is_follows_from_its_name_or_its_beginning(folder: Path) -> None:
    for name in ("web.Dockerfile", "Dockerfile.web", "Containerfile", "image"):
        (folder / name).write_text("# a comment\nFROM scratch\n")
        assert boatyard("plan", name, "--json").json()["dockerfile"].endswith("FROM scratch\n")
    (folder / "spec").write_text(json.dumps(SPEC))
    assert boatyard("plan", "spec", "--json").json()["layers"]
    (folder / "notes.txt").write_text("hello\n")
    done = boatyard("plan", "notes.txt")
    assert done.code == 1 and "neither a flyte file" in done.err


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "not JSON"),
        ("[]", "is not a spec"),
        ('{"baseImage": 1}', "Expected `str`"),
        ('{"baseImage": "x", "pythonVersion": "3.12", "unknown": 1}', "unknown field `unknown`"),
        ('{"baseImage": "x", "pythonVersion": "3.12", "layers": [{"aptPackages": {}, "env": {}}]}', "exactly one of"),
        ('{"baseImage": "x", "pythonVersion": "3.12", "layers": [{"pip": {}}]}', "unknown field `pip`"),
        ('{"baseImage": "x"}', "pythonVersion"),
        ("{}", "needs a baseImage or a dockerfile"),
        ('{"baseImage": "UPPER case", "pythonVersion": "3.12"}', "is not"),
    ],
)
def test_a_spec_that_is_none_is_one_line_with_what_is_wrong(content: str, text: str, folder: Path) -> None:
    (folder / "spec.json").write_text(content)
    done = boatyard("plan", "spec.json")
    assert done.code == 1 and done.out == "" and done.err.count("\n") == 1 and text in done.err, done.err
    error = boatyard("plan", "spec.json", "--json")
    assert error.code == 1 and error.err == ""
    assert text in error.json()["error"]["detail"] and error.json()["error"]["code"] in ("INPUT", "INVALID_SPEC")


def test_files_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / "latin.json").write_bytes(b"\xff\xfe{}")
    (folder / "dir.json").mkdir()
    for name, text in (
        ("nowhere.json", "there is no file nowhere.json"),
        ("latin.json", "is not UTF-8"),
        ("dir.json", "is a folder"),
        ("nowhere.py", "there is no file nowhere.py"),
    ):
        done = boatyard("plan", name)
        assert done.code == 1 and text in done.err and done.err.count("\n") == 1, done.err


def test_a_wrong_settings_file_is_named_with_the_field(spec: Path, folder: Path) -> None:
    (folder / "boatyard.toml").write_text("[limits]\nlayer = 5\n")
    done = boatyard("plan", spec)
    assert done.code == 1 and "boatyard.toml" in done.err and "layer" in done.err
    (folder / "boatyard.toml").write_text("= 1\n")
    assert "is not TOML" in boatyard("plan", spec).err
    (folder / "boatyard.toml").write_text('[client]\nurll = "x"\n')
    assert "[client]" in boatyard("plan", spec).err


def test_a_plan_made_here_says_that_its_keys_are_not_the_services(spec: Path, folder: Path) -> None:
    """With isolation = project, keys depend on a value that only the service can compute."""
    done = boatyard("plan", spec, "--offline")
    assert done.code == 0 and "only the service can compute" in done.err
    plan = boatyard("plan", spec, "--offline", "--json").json()
    assert plan["keyWithoutService"] is True
    (folder / "boatyard.toml").write_text('isolation = "deployment"\n')
    assert "only the service can compute" not in boatyard("plan", spec, "--offline").err
    assert "keyWithoutService" not in boatyard("plan", spec, "--offline", "--json").json()


@pytest.mark.parametrize("isolation", ["project", "deployment"])
def test_the_services_key_is_what_it_says(
    spec: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    toml = f'isolation = "{isolation}"\ndefaultRepository = "registry.example.com/images"\n'
    (folder / "boatyard.toml").write_text(toml)
    here = boatyard("plan", spec, "--offline", "--json").json()
    service = MemoryService(find_settings(None)[0])
    try:
        there = boatyard("plan", spec, "--url", service.url, "--json").json()
    finally:
        service.stop()
    assert "keyWithoutService" not in there
    assert (there["key"] == here["key"]) is ("keyWithoutService" not in here) is (isolation == "deployment")
