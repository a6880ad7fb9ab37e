"""RUN steps on the engine's network cannot become callers of Boatyard or of its registry."""

import base64
import json
import textwrap
from typing import Any

import pytest

from boatyard.reference import Reference
from boatyard_client.errors import BuildFailedError
from tests.whole.yard import Yard, unique

pytestmark = pytest.mark.integration

_PLUGIN = "@docker_cli_"

PROBE = """
import json, pathlib, urllib.error, urllib.request
def ask(method, url, **headers):
    request = urllib.request.Request(url, method=method, headers=headers, data=b"{}" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
def listeners():
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        if fields[3] == "0A" and address == "0100007F":
            found.add(int(port, 16))
    return sorted(found)
def abstract():
    lines = pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]
    return sorted({name for line in lines if (name := line.split()[-1]).startswith("@")})
def readable():
    import os
    return [path for path in PATHS if os.path.exists(path)]
json_type = {"content-type": "application/json"}
print("found " + json.dumps({
    "builds": ask("GET", API + "/v1/builds"),
    "start": ask("POST", API + "/v1/builds", **json_type),
    "page": ask("GET", API + "/v1/images/" + IMAGE, **{"sec-fetch-site": "cross-site"}),
    "health": ask("GET", API + "/healthz"),
    "catalog": ask("GET", "http://" + HOST + "/v2/_catalog"),
    "tags": ask("GET", "http://" + HOST + "/v2/" + NAME + "/tags/list"),
    "push": ask("POST", "http://" + HOST + "/v2/" + NAME + "/blobs/uploads/", **json_type),
    "listeners": listeners(), "abstract": abstract(), "readable": readable(),
    "environment": sorted(__import__("os").environ),
    "cmdlines": [p.read_bytes().decode(errors="replace")[:100] for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")],
}))
"""


@pytest.fixture(scope="module")
def found(boatyard: Yard) -> dict[str, Any]:
    """What a step finds that tries everything it can."""
    host = Reference.parse(f"{boatyard.settings.default_repository}/x").repository.host
    state = boatyard.state.absolute()
    values = {
        "API": boatyard.client.endpoint.url,
        "HOST": host,
        "NAME": "images/whole",
        "IMAGE": f"{host}/images/whole:latest",
        "PATHS": [str(state / "token"), boatyard.settings.buildkit.docker_config or "/nowhere"],
    }
    program = "".join(f"{name} = {value!r}\n" for name, value in values.items()) + textwrap.dedent(PROBE)
    encoded = base64.b64encode(program.encode()).decode()
    command = f"python3 -c \"import base64; exec(base64.b64decode('{encoded}'))\"; exit 1"
    with pytest.raises(BuildFailedError) as failed:
        boatyard.build(unique(), {"commands": {"cmd": [command]}})
    lines = [line for line in failed.value.failure.log_tail if line.startswith("found ")]
    assert lines, failed.value.failure
    answer: dict[str, Any] = json.loads(lines[-1].removeprefix("found "))
    return answer


def test_a_step_can_neither_list_nor_start_builds(found: dict[str, Any], boatyard: Yard) -> None:
    assert (found["builds"], found["start"]) == (401, 401)
    assert found["health"] == 200, "it did reach the server"
    assert boatyard.client.builds().builds, "and who has the token is answered"


def test_a_step_can_neither_list_nor_pull_nor_push(found: dict[str, Any]) -> None:
    assert (found["catalog"], found["tags"], found["push"]) == (401, 401, 401)


def test_a_page_is_refused_before_anything_is_looked_up(found: dict[str, Any]) -> None:
    assert found["page"] in (401, 403)


def test_neither_token_nor_password_is_where_a_step_can_read(found: dict[str, Any], boatyard: Yard) -> None:
    assert found["readable"] == []
    assert not [name for name in found["environment"] if "TOKEN" in name or "PASSWORD" in name]
    token = (boatyard.state / "token").read_text()
    assert not [line for line in found["cmdlines"] if token in line or "dockerd" in line]


def test_the_engine_listens_nowhere_that_a_step_could_use(found: dict[str, Any], boatyard: Yard) -> None:
    """The host's network namespace has the abstract sockets of all processes: none may belong to containerd or a
    shim.

    `@docker_cli_…` is of a `docker` command that runs a plugin, such as another test's `docker buildx`: the plugin ends
    when its connection closes, and nothing else is said over it (docker/cli, cli-plugins/socket).
    """
    ours = [
        name
        for name in found["abstract"]
        if any(word in name for word in ("containerd", "docker", "shim", "boatyard")) and not name.startswith(_PLUGIN)
    ]
    assert ours == []
