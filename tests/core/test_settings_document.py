"""Every reader understands a settings document in the same way, as TOML or as a ConfigMap's JSON."""

from typing import Any

import pytest

from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.settings_document import settings_table, to_settings

TOML = b'buildkitUri = "tcp://a:1"\n[kubernetes]\nreplicas = 2\n[client]\nurl = "http://a"\n'
JSON = b' {"buildkitUri": "tcp://a:1", "kubernetes": {"replicas": 2}, "client": {"url": "http://a"}}'
MEANT = {"buildkitUri": "tcp://a:1", "kubernetes": {"replicas": 2}}


@pytest.mark.parametrize(
    ("data", "name"),
    [(TOML, "boatyard.toml"), (JSON, "settings.json"), (TOML, "settings"), (JSON, "settings"), (JSON, "63")],
)
def test_it_is_told_by_its_name_or_by_how_it_begins(data: bytes, name: str) -> None:
    assert settings_table(data, name) == MEANT, "the client's own section is no setting"


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (JSON, "a.toml", "not TOML"),
        (TOML, "a.json", "not JSON"),
        (b"\xff", "a.toml", "not TOML"),
        (b"\xff", "a.json", "not JSON"),
        (b"[]", "a.json", "Expected `object`"),
        (b"a = " + b"[" * 5000, "a.toml", "not TOML|nested too deeply"),
        (b'{"a":' + b"[" * 500_000, "a.json", "nested too deeply"),
    ],
)
def test_what_is_neither_is_one_error(data: bytes, name: str, words: str) -> None:
    with pytest.raises(Undecodable, match=words):
        settings_table(data, name)


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({}, True),
        ({"output": {"provenance": "max"}}, False),
        ({"output": {"sbom": True}}, False),
        ({"layers": "builder"}, False),
        ({"buildkitUri": "tcp://elsewhere:1234", "output": {"sbom": True}}, True),
    ],
)
def test_a_cluster_without_buildkit_cannot_make_what_only_buildkit_makes(more: dict[str, Any], fits: bool) -> None:
    found = to_settings({"kubernetes": {"runBuildkit": False}, **more}, "x")
    assert found.cluster_lacks_buildkit is ("buildkitUri" not in more)
    assert ("layers must be registry" in found.cluster_problem) is not fits
    assert to_settings(more, "x").cluster_problem == ""


@pytest.mark.parametrize(
    ("compression", "level", "fits"),
    [
        *(("zstd", 22, True), ("zstd", 23, False), ("gzip", 9, True), ("gzip", 10, False), ("gzip", -1, False)),
        ("uncompressed", 99, True),
    ],
)
def test_a_level_that_a_compression_lacks_is_refused_by_name(compression: str, level: int, fits: bool) -> None:
    table = {"output": {"compression": compression, "compressionLevel": level}}
    if fits:
        assert to_settings(table, "x").output.compression_level == level
        return
    with pytest.raises(BoatyardError, match=f"output: {compression} has levels from 0 to") as caught:
        to_settings(table, "x")
    assert caught.value.code == "INVALID_SPEC"
