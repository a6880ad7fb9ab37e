"""Function URL -> CodeBuild's command -> BuildKit -> registry -> result, with a real BuildKit and registry.

CodeBuild is played; the command that it would run is run in the archive that it would fetch, with the environment
that StartBuild gave it.
"""

import hashlib
import io
import tarfile
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.wiring import Site
from boatyard_local.settings import load_settings
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.container import Container
from tests.aws.payloads import function_url
from tests.aws.site import ask, variables

CONFIG = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"

pytestmark = pytest.mark.integration


@pytest.fixture
def site(cloud: Cloud, bucket: str) -> Site:
    settings = load_settings(CONFIG, {})
    chosen = {
        "BOATYARD_SETTINGS": msgspec.json.encode(settings).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": settings.default_repository,
    }
    return Site(variables(bucket, **chosen))


def archive(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def test_a_context_a_secret_a_build_and_then_an_answer_from_the_registry(
    site: Site, cloud: Cloud, clients: Clients, container: Container
) -> None:
    codebuild = CodeBuild(cloud)
    data = archive("app.txt", f"made at {time.time_ns()}")
    context = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    secret = {"kind": "build", "value": "s3cr3t-of-the-test", "project": "ml", "domain": "dev"}
    check = 'test "$TOKEN" = s3cr3t-of-the-test && echo "it is $TOKEN" && grep "made at" /srv/app.txt'
    spec = {
        "baseImage": "python:3.11-slim",
        "pythonVersion": "3.11",
        "layers": [
            {"copyConfig": {"src": "app.txt", "dst": "/srv/app.txt"}},
            {"commands": {"cmd": [check], "secretMounts": [{"key": "TOKEN"}]}},
        ],
    }
    body = {"spec": spec, "context": context, "project": "ml", "domain": "dev", "target": {"name": "aws"}}

    assert ask(site, function_url("POST", "/v1/builds", body))[1]["code"] == "SECRET_NOT_FOUND"
    assert ask(site, function_url("PUT", "/v1/secrets/TOKEN", secret))[0] == 204
    assert ask(site, function_url("POST", "/v1/builds", body))[1]["code"] == "CONTEXT_MISSING"
    status, upload = ask(site, function_url("POST", "/v1/contexts", context))
    assert status == 201
    assert httpx.put(upload["uploadUrl"], content=data, headers=upload["headers"]).is_success
    status, asked = ask(site, function_url("POST", "/v1/builds", body))
    assert status == 202, asked

    done = container.run(codebuild, asked["id"], clients)
    assert done.returncode == 0, done.stdout + done.stderr
    status, build = ask(site, function_url("GET", f"/v1/builds/{asked['id']}"))
    assert build["state"] == "SUCCEEDED" and "@sha256:" in build["image"] and build["phases"]
    _, log = ask(site, function_url("GET", f"/v1/builds/{asked['id']}/logs"))
    assert log["done"] and any(line.startswith("pushed ") for line in log["lines"])
    assert any("made at" in line for line in log["lines"])
    assert "s3cr3t-of-the-test" not in done.stdout + done.stderr

    status, cached = ask(site, function_url("POST", "/v1/builds", body))
    assert (status, cached["cached"], cached["image"]) == (200, True, build["image"])
    assert len(codebuild.builds) == 1


def test_a_users_error_comes_back_with_its_layer(
    site: Site, cloud: Cloud, clients: Clients, container: Container
) -> None:
    codebuild = CodeBuild(cloud)
    spec = {
        "baseImage": "python:3.11-slim",
        "pythonVersion": "3.11",
        "layers": [{"commands": {"cmd": [f"echo {time.time_ns()}; exit 3"]}}],
    }
    _, asked = ask(site, function_url("POST", "/v1/builds", {"spec": spec, "target": {"name": "aws"}}))
    assert container.run(codebuild, asked["id"], clients).returncode == 1
    _, build = ask(site, function_url("GET", f"/v1/builds/{asked['id']}"))
    assert build["state"] == "FAILED" and build["error"]["code"] == "COMMAND_FAILED"
    assert build["error"]["layerIndex"] == 0
    status, held = ask(site, function_url("POST", "/v1/builds", {"spec": spec, "target": {"name": "aws"}}))
    assert status == 200 and held["state"] == "FAILED" and held["id"] == asked["id"]
