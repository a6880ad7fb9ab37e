"""Function URL -> CodeBuild's command -> BuildKit -> registry -> result, with a real BuildKit and registry.

A stand-in plays CodeBuild: it runs the build's command in the archive that CodeBuild would fetch, with StartBuild's
environment.
"""

import hashlib
import io
import tarfile
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_aws.clients import Clients
from boatyard_aws.wiring import Parts
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.container import Container
from tests.aws.images import HOST, MANIFEST, Ecr
from tests.aws.payloads import function_url, image_pushed, sqs
from tests.aws.site import ask, tell, variables

CONFIG = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"

pytestmark = pytest.mark.integration


@pytest.fixture
def site(cloud: Cloud, bucket: str, settings: Settings) -> Parts:
    chosen = {
        "BOATYARD_SETTINGS": msgspec.json.encode(settings).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": settings.default_repository,
    }
    return Parts(variables(bucket, **chosen))


def archive(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def test_a_context_a_secret_a_build_and_then_an_answer_from_the_registry(
    site: Parts, cloud: Cloud, clients: Clients, container: Container
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
    site: Parts, cloud: Cloud, clients: Clients, container: Container
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


@pytest.mark.parametrize("written", ["spec", "dockerfile"])
def test_a_new_base_makes_a_new_image_beside_the_old_one(
    written: str, cloud: Cloud, bucket: str, clients: Clients, ecr: Ecr, container: Container, settings: Settings
) -> None:
    """The base's ECR repository has a mirror on loopback, so that BuildKit can pull what moto cannot serve."""
    local = Reference.parse(f"{settings.default_repository}/x").repository.host
    chosen = msgspec.structs.replace(settings, registry_mirrors={HOST: f"{local}/mirror-{written}"})
    configured = {
        "BOATYARD_SETTINGS": msgspec.json.encode(chosen).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": settings.default_repository,
        "BOATYARD_PIN_BASES": "true",
        "BOATYARD_QUEUE": clients.sqs().create_queue(QueueName="events")["QueueUrl"],
    }
    site, codebuild = Parts(variables(bucket, **configured)), CodeBuild(cloud)
    ecr.repository("base")
    cloud.fail("GetDownloadUrlForLayer", "AccessDeniedException")  # which the function's role has no need of
    command = f'echo "{time.time_ns()}: the base is $(cat /srv/base)"'
    on_base = {"baseImage": f"{HOST}/base:1", "pythonVersion": "3.11", "layers": [{"commands": {"cmd": [command]}}]}
    spec = on_base if written == "spec" else {"dockerfile": f"FROM {HOST}/base:1\nRUN {command}\n"}
    body = {"spec": spec, "target": {"name": "dependent"}}

    push_base(site, codebuild, clients, container, ecr, f"{local}/mirror-{written}", "one")
    _, first = ask(site, function_url("POST", "/v1/builds", body))
    done = container.run(codebuild, first["id"], clients)
    assert done.returncode == 0 and "the base is one" in done.stdout, done.stdout + done.stderr

    digest = push_base(site, codebuild, clients, container, ecr, f"{local}/mirror-{written}", "two")
    assert ask(site, function_url("POST", "/v1/builds", body))[1]["cached"], "no event has reported the push yet"
    assert tell(site, image_pushed("base", "1", digest))["queued"] == 1
    (message,) = clients.sqs().receive_message(QueueUrl=configured["BOATYARD_QUEUE"])["Messages"]
    assert tell(site, sqs(message["Body"])) == {"batchItemFailures": []}
    status, second = ask(site, function_url("POST", "/v1/builds", body))
    assert status == 202 and second["joined"] and second["target"] != first["target"]
    done = container.run(codebuild, second["id"], clients)
    assert done.returncode == 0 and "the base is two" in done.stdout, done.stdout + done.stderr

    now = ask(site, function_url("POST", "/v1/builds", body))[1]
    assert now["cached"] and tell(site, sqs(message["Body"])) == {"batchItemFailures": []}
    before = ask(site, function_url("GET", f"/v1/images/{first['target']}"))[1]
    assert before["reference"].partition("@")[2] not in now["image"], "the old image is still under its own tag"


def push_base(
    site: Parts, codebuild: CodeBuild, clients: Clients, container: Container, ecr: Ecr, mirror: str, text: str
) -> str:
    """Builds a base, moves the tag 1 to it in ECR and in its mirror, and returns the digest."""
    layers = [{"commands": {"cmd": [f"echo {text} > /srv/base"]}}]
    spec = {"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": layers}
    body = {"spec": spec, "target": {"registry": mirror, "name": "base"}}
    _, asked = ask(site, function_url("POST", "/v1/builds", body))
    if not asked.get("cached"):
        done = container.run(codebuild, asked["id"], clients)
        assert done.returncode == 0, done.stdout + done.stderr
    host, _, path = asked["target"].partition("/")
    repository, _, tag = path.rpartition(":")
    address = f"http://{host}/v2/{repository}/manifests"
    manifest = httpx.get(f"{address}/{tag}", headers={"accept": MANIFEST}).raise_for_status().content
    httpx.put(f"{address}/1", content=manifest, headers={"content-type": MANIFEST}).raise_for_status()
    return ecr.put("base", "1", manifest)
