"""The commands that call a service: build, builds, logs, cancel, secret."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boatyard.build import State
from boatyard.ports import Scope
from tests.client.commands import boatyard
from tests.client.service import DIGEST, MemoryService, once, say


@pytest.fixture(autouse=True)
def configured(service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOATYARD_URL", service.url)


def dockerfile(folder: Path, comment: str = "") -> Path:
    path = folder / "web" / "Dockerfile"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"FROM scratch\nCOPY Dockerfile /\n# {comment}\n")
    return path


def test_the_last_line_of_standard_output_is_the_image(folder: Path) -> None:
    done = boatyard("build", dockerfile(folder))
    assert done.code == 0 and re.fullmatch(rf"registry\.example\.com/images/image@{DIGEST}\n", done.out)
    assert "uploaded" in done.err and "started build" in done.err and "three" in done.err
    assert "\x1b[31m" not in done.err
    again = boatyard("build", dockerfile(folder))
    assert again.out == done.out and "cached" in again.err


def test_as_json_the_build_is_one_object(folder: Path) -> None:
    built = boatyard("build", dockerfile(folder), "--json")
    answer = built.json()
    assert built.code == 0 and answer["image"].endswith(DIGEST) and not answer["cached"] and built.err == ""
    assert answer["state"] == "SUCCEEDED" and answer["build"]["id"] == answer["id"] and len(answer["key"]) == 64
    cached = boatyard("build", dockerfile(folder), "--json").json()
    assert cached["cached"] and cached["image"] == answer["image"] and cached["id"] is None


def test_a_failed_build_explains_itself(folder: Path) -> None:
    done = boatyard("build", dockerfile(folder, "FAIL"))
    assert done.code == 1 and done.out == ""
    for text in (
        "COMMAND_FAILED in layer 0, with_commands(['x'])",
        "the command ended with 3",
        "    three",
        "Read its last lines.",
        "boatyard logs ",
    ):
        assert text in done.err
    error = boatyard("build", dockerfile(folder, "FAIL"), "--json").json()["error"]
    assert (error["code"], error["layerIndex"], error["sdkCall"]) == ("COMMAND_FAILED", 0, "with_commands(['x'])")
    assert error["logTail"] == ["one", "three"] and error["buildId"] and error["state"] == "FAILED"


def test_force_builds_again(folder: Path, service: MemoryService) -> None:
    for arguments in ([], ["--force"]):
        assert boatyard("build", dockerfile(folder), *arguments).code == 0
    assert len(service.builds()) == 2


def test_target_project_and_domain_can_be_given(folder: Path, service: MemoryService) -> None:
    (folder / "boatyard.toml").write_text('[client]\nproject = "configured"\n')
    arguments = ["--registry", "ghcr.io/acme", "--name", "mine", "--domain", "prod"]
    done = boatyard("build", dockerfile(folder), *arguments)
    build = service.builds()[0]
    assert done.out.startswith("ghcr.io/acme/mine@") and (build.project, build.domain) == ("configured", "prod")


def test_a_detached_build_is_followed_by_its_id(folder: Path, service: MemoryService) -> None:
    done = boatyard("build", dockerfile(folder, "HOLD"), "--no-wait")
    build_id = done.out.strip()
    assert done.code == 0 and build_id == service.builds()[0].id and f"logs -f {build_id}" in done.err
    service.worker.go_on.set()
    followed = boatyard("logs", "-f", build_id)
    assert followed.code == 0 and followed.out == "one\n\x1b[31mtwo\x1b[0m\nthree\n"
    assert f"@{DIGEST}" in followed.err


def test_who_follows_a_log_is_told_that_the_service_is_away(folder: Path, service: MemoryService) -> None:
    build_id = boatyard("build", dockerfile(folder), "--no-wait").out.strip()
    busy = say(503, b"<html>busy</html>")
    service.faults += [once("GET", f"/v1/builds/{build_id}/logs", busy), once("GET", f"/v1/builds/{build_id}", busy)]
    followed = boatyard("logs", "-f", build_id)
    assert followed.code == 0 and followed.out.startswith("one\n")
    assert "answered 503" in followed.err and "trying again" in followed.err


def test_logs_as_json(folder: Path, service: MemoryService) -> None:
    boatyard("build", dockerfile(folder, "FAIL"))
    build_id = service.builds()[0].id
    page = boatyard("logs", build_id, "--json").json()
    assert page["id"] == build_id and page["lines"][-1] == "three" and page["done"]
    done = boatyard("logs", "-f", build_id, "--json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1 and events[0]["event"] == "log" and events[-1]["event"] == "ended"
    assert events[-1]["build"]["error"]["code"] == "COMMAND_FAILED"
    assert all("event" in event for event in events)
    plain = boatyard("logs", "-f", build_id)
    assert plain.code == 1 and "COMMAND_FAILED" in plain.err


def test_builds_are_listed_newest_first(folder: Path, service: MemoryService) -> None:
    assert boatyard("builds").out.splitlines() == ["ID  STATE  AGE  TOOK  PROJECT  IMAGE OR REASON"]
    boatyard("build", dockerfile(folder))
    boatyard("build", dockerfile(folder, "FAIL"), "--project", "other")
    rows = boatyard("builds").out.splitlines()
    assert len(rows) == 3 and "FAILED" in rows[1] and "COMMAND_FAILED: the command" in rows[1] and DIGEST in rows[2]
    listed = boatyard("builds", "--json").json()
    assert [build["state"] for build in listed["builds"]] == ["FAILED", "SUCCEEDED"]
    only = boatyard("builds", "--json", "--state", "failed", "--project", "other").json()["builds"]
    assert [build["state"] for build in only] == ["FAILED"]
    page = boatyard("builds", "--limit", "1", "--json").json()
    assert len(page["builds"]) == 1 and page["nextPageToken"]


def test_a_build_can_be_cancelled(folder: Path, service: MemoryService) -> None:
    build_id = boatyard("build", dockerfile(folder, "HOLD"), "-d").out.strip()
    assert boatyard("cancel", build_id).code == 0
    cancelled = boatyard("cancel", build_id, "--json").json()
    assert cancelled["state"] == "CANCELLED" and service.builds()[0].state is State.CANCELLED


@pytest.mark.parametrize("command", [["logs"], ["logs", "-f"], ["cancel"]])
def test_a_build_that_nobody_knows_is_not_found(command: list[str]) -> None:
    done = boatyard(*command, "nope-1")
    assert done.code == 1 and "NOT_FOUND" in done.err and done.err.count("\n") == 1
    assert boatyard(*command, "nope-1", "--json").json()["error"]["code"] == "NOT_FOUND"


def test_secrets_are_set_from_wherever_they_are(
    folder: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-env")
    (folder / "pw").write_text("s3cret-file\n")
    for arguments, stdin in (
        (["one", "--from", "env:TOKEN"], None),
        (["two", "--from", "file:pw"], None),
        (["three"], "s3cret-stdin\n"),
        (["four", "--from", "file:pw", "--project", "p", "--domain", "d"], None),
    ):
        done = boatyard("secret", "create", *arguments, stdin=stdin)
        assert done.code == 0 and "s3cret" not in done.out + done.err
    here = Scope("default", "development")
    assert service.secrets.missing(here, ["one", "two", "three", "four"]) == ("four",)
    assert service.secrets.missing(Scope("p", "d"), ["four"]) == ()
    assert service.secrets._secrets[here, "two"].value == b"s3cret-file"
    assert boatyard("secret", "create", "one", "--from", "env:TOKEN", "--json").json()["name"] == "one"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("s3cret", "comes from env:VAR or file:PATH"),
        ("env:NOWHERE", "no environment variable NOWHERE"),
        ("file:nowhere", "nowhere cannot be read"),
        ("file:empty", "is empty"),
    ],
)
def test_a_secret_without_a_value_is_refused_without_telling_any(source: str, text: str, folder: Path) -> None:
    (folder / "empty").touch()
    done = boatyard("secret", "create", "one", "--from", source)
    assert done.code == 1 and text in done.err and "s3cret" not in done.err


def test_build_sets_secrets_first(folder: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {
        "baseImage": "x",
        "pythonVersion": "3.12",
        "layers": [{"commands": {"cmd": ["true"], "secretMounts": [{"key": "token"}]}}],
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    missing = boatyard("build", "spec.json")
    assert missing.code == 1 and "SECRET_NOT_FOUND" in missing.err and "boatyard secret create" in missing.err
    monkeypatch.setenv("TOKEN", "s3cret")
    assert boatyard("build", "spec.json", "--secret", "token=env:TOKEN").code == 0
    wrong = boatyard("build", "spec.json", "--secret", "s3cret")
    assert wrong.code == 1 and "s3cret" not in wrong.err


def test_nobody_to_ask_is_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOATYARD_URL")
    done = boatyard("build", dockerfile(folder))
    assert done.code == 1 and "no Boatyard is configured; start one with `boatyard serve`" in done.err
    monkeypatch.setenv("BOATYARD_URL", "http://127.0.0.1:9")
    for command in (["build", dockerfile(folder)], ["builds"], ["logs", "x"], ["cancel", "x"]):
        done = boatyard(*command)
        assert done.code == 1 and "no Boatyard answers at http://127.0.0.1:9; start it with" in done.err
        assert done.err.count("\n") == 1
        assert boatyard(*command, "--json").json()["error"]["code"] == "UNREACHABLE"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c_ends_the_command_and_not_the_build(options: list[str], folder: Path, service: MemoryService) -> None:
    path = dockerfile(folder, "HOLD")
    command = [sys.executable, "-m", "boatyard_client", "build", str(path), *options]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    while not any(request.endswith("/logs") for request in service.requests):
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    build = service.builds()[0]
    assert running.returncode == 130 and out == "" and "Traceback" not in err
    assert f"boatyard logs -f {build.id}" in err and f"boatyard cancel {build.id}" in err
    assert not build.state.ended


def test_a_restart_of_the_service_is_told_and_outlived(folder: Path, service: MemoryService) -> None:
    def restart() -> None:
        while not any(request.endswith("/logs") for request in service.requests):
            time.sleep(0.01)
        service.stop()
        time.sleep(0.3)
        service.start()
        service.worker.go_on.set()

    threading.Thread(target=restart).start()
    done = boatyard("build", dockerfile(folder, "HOLD"))
    assert done.code == 0 and "trying again" in done.err
