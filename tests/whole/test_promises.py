"""Invariants: one build, no confused image, no leaked secret, equal bytes."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.api.messages import SecretRequest
from boatyard_client.errors import ApiError
from tests.ports import free_port
from tests.whole.registry import blob, manifest, own_registry
from tests.whole.yard import Yard, unique, yard

pytestmark = pytest.mark.integration
CALLERS = 50
VALUE = "s3cr3t-Zx9-value/+="


def commands(*lines: str, **fields: Any) -> dict[str, Any]:
    return {"commands": {"cmd": list(lines), **fields}}


def test_fifty_callers_at_once_get_one_build_and_its_digest(boatyard: Yard) -> None:
    layers = (unique(), commands("sleep 2"))
    gate = threading.Barrier(CALLERS)

    def call(_: int) -> str:
        gate.wait()
        return boatyard.build(*layers, target={"name": "fifty"})

    with ThreadPoolExecutor(CALLERS) as pool:
        images = set(pool.map(call, range(CALLERS)))
    assert len(images) == 1
    builds = [b for b in boatyard.client.builds(page_size=500).builds if "/fifty:" in b.target]
    assert len(builds) == 1
    assert builds[0].image in images


def test_a_registry_that_is_down_is_neither_found_nor_not_found(boatyard: Yard, tmp_path: Path) -> None:
    with own_registry(tmp_path / "registry", free_port()) as registry:
        settings = {
            "DEFAULT_REPOSITORY": f"{registry.address}/images",
            "INSECURE_REGISTRIES": ",".join((*boatyard.settings.insecure_registries, registry.address)),
        }
        with yard(tmp_path / "state", **settings) as mine:
            order = mine.order({"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": [unique()]})
            built = mine.client.ensure_image(order)
            registry.stop()
            try:
                with pytest.raises(ApiError) as refused:
                    mine.client.ensure(order)
                assert (refused.value.code, refused.value.status) == ("REGISTRY_UNAVAILABLE", 502)
            finally:
                registry.start()
            answer = mine.client.ensure(order)
            assert (answer.cached, answer.image) == (True, built.image)
            assert len(mine.client.builds().builds) == 1


def test_a_secret_is_used_and_nowhere_kept(tmp_path: Path) -> None:
    layers = (
        unique(),
        commands(
            'test "$TOKEN" = "$(cat /run/token)" && printf %s "$TOKEN" | sha256sum > /checked; echo "token=$TOKEN"',
            secretMounts=[{"key": "TOKEN"}, {"key": "TOKEN", "mountPath": "/run/token"}],
        ),
        commands('test -z "$TOKEN" && test ! -e /run/token'),
    )
    # Plain layers, so that the bytes can be searched.
    with yard(tmp_path / "state", OUTPUT__COMPRESSION="uncompressed") as mine:
        with pytest.raises(ApiError) as refused:
            mine.build(*layers)
        assert (refused.value.code, refused.value.missing) == ("SECRET_NOT_FOUND", ("TOKEN",))
        mine.client.put_secret("TOKEN", SecretRequest(kind="build", value=VALUE))
        image = mine.build(*layers)
        mine.docker.run(
            "run", "--rm", "--network", "none", image, "sh", "-c", "test ! -e /run/boatyard && test ! -e /run/token"
        )
        failed = mine.failure(*layers, commands('echo "it is $TOKEN"; exit 1', secretMounts=[{"key": "TOKEN"}]))
        order = mine.order({"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": list(layers)})
        told = [
            msgspec.json.encode(mine.client.plan(order)),
            msgspec.json.encode(failed),
            *(msgspec.json.encode(mine.client.logs(build.id)) for build in mine.client.builds().builds),
            mine.log.encode(),
        ]
        assert any(b"token=" in text for text in told), "the command did print it"
        document = manifest(image)
        kept = [msgspec.json.encode(document)]
        kept += [blob(image, part["digest"]) for part in (document["config"], *document["layers"][1:])]
        files = [path.read_bytes() for path in mine.state.rglob("*") if path.is_file() and "secrets" not in path.parts]
    for form in (VALUE.encode(), base64.b64encode(VALUE.encode())):
        for where, texts in (("told", told), ("image", kept), ("state", files)):
            assert not any(form in text for text in texts), where


def test_the_same_spec_twice_from_nothing_has_the_same_layers(tmp_path: Path) -> None:
    layers = (
        {"aptPackages": {"packages": ["tree"]}},
        {"pipPackages": {"packages": ["six==1.17.0", "idna==3.10"]}},
        commands("mkdir /made && date -u -d @0 > /made/day && echo fixed > /made/file"),
        {"copyConfig": {"src": "0/app", "dst": "/srv"}},
    )
    files: dict[str, bytes | Path] = {"0/app/main.py": b"print(1)\n", "0/app/data/x": b"x"}
    digests = []
    with yard(tmp_path / "state", OUTPUT__REPRODUCIBLE="true") as mine:
        for _ in range(2):
            image = mine.build(*layers, files=files, force=True, target={"name": "twice"})
            digests.append([layer["digest"] for layer in manifest(image)["layers"]])
    assert digests[0] == digests[1]
    assert len(digests[0]) > len(layers)


def test_a_dockerfiles_base_follows_the_deployments_rules(boatyard: Yard) -> None:
    image = boatyard.ensure(
        {"dockerfile": "FROM python:3.11-slim\nCOPY hello /hello\n"}, files={"hello": b"hi"}, target={"name": "ruled"}
    )
    assert boatyard.docker.run("run", "--rm", "--network", "none", image, "cat", "/hello") == "hi"
