"""`boatyard serve` as a process, which the other commands find. No build runs here."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.commands import boatyard

COMMAND = [sys.executable, "-m", "boatyard_client", "serve", "--json"]


@pytest.fixture
def settings(folder: Path) -> Path:
    path = folder / "boatyard.toml"
    path.write_text('defaultRepository = "127.0.0.1:9/x"\n[client]\nproject = "p"\n')
    return path


@pytest.fixture
def server(settings: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [*COMMAND, "--settings", str(settings)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield running
    running.kill()
    running.communicate()


def test_it_says_where_it_is_and_the_others_find_it(server: "subprocess.Popen[str]", folder: Path) -> None:
    assert server.stdout
    ready = json.loads(server.stdout.readline())
    assert ready["url"].startswith("http://127.0.0.1:")
    assert boatyard("builds", "--json").json() == {"builds": [], "nextPageToken": ""}
    shown = boatyard("config", "show", "--json").json()
    assert shown["url"] == ready["url"] and shown["urlFrom"].endswith(".boatyard/server.json")
    (folder / "s.json").write_text('{"baseImage": "x", "pythonVersion": "3.12"}')
    assert boatyard("plan", "s.json", "--json").json()["plannedBy"] == ready["url"]
    second = boatyard("serve", "--settings", "boatyard.toml")
    assert second.code == 1 and "a server already runs on" in second.err and second.err.count("\n") == 1
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert server.returncode in (0, 130) and out == "" and "Traceback" not in err
    gone = boatyard("builds")
    assert gone.code == 1 and gone.err.count("\n") == 1


def test_addresses_that_others_could_reach_are_refused(settings: Path) -> None:
    done = boatyard("serve", "--settings", settings, "--host", "0.0.0.0")
    assert done.code == 1 and "can be reached from other machines" in done.err


def test_a_wrong_address_is_refused_before_anything_is_set_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boatyard_local import engine

    monkeypatch.setattr(engine, "ensure", lambda *given: pytest.fail("the engine is set up"))
    done = boatyard("serve", "--host", "0.0.0.0")
    assert done.code == 1 and "use 127.0.0.1" in done.err and done.err.count("\n") == 1
    assert not (folder / ".boatyard").exists()


def test_a_wrong_settings_file_is_one_line(folder: Path) -> None:
    (folder / "bad.toml").write_text("[limits]\nlayer = 1\n")
    done = boatyard("serve", "--settings", "bad.toml")
    assert done.code == 1 and "layer" in done.err and done.err.count("\n") == 1
    assert "there is no file" in boatyard("serve", "--settings", "nowhere.toml").err


def test_without_the_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boatyard_client.embedded.entry_points", lambda **_: ())
    done = boatyard("serve")
    assert done.code == 1 and "pip install boatyard-local" in done.err
