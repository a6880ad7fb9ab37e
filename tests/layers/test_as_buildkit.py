"""Files, folders and links that a layer gets here are those that the real BuildKit gives it."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from boatyard.build import State
from boatyard.spec import CopyConfig
from boatyard_layers.files import copy
from boatyard_layers.inventory import Inventory
from boatyard_layers.tar_reading import read_layer
from tests.buildkit import jobs
from tests.buildkit.archives import Link
from tests.buildkit.conftest import engine
from tests.buildkit.engine import Engine
from tests.whole.registry import blob, manifest

__all__ = ["engine"]
pytestmark = pytest.mark.integration

FILES = {
    "one.py": b"one",
    "app/main.py": b"main",
    "app/run.sh": b"#!/bin/sh\n",
    "app/sub/ünï.txt": b"text",
    "app/sub/here": Link("../main.py"),
    "alias": Link("app/main.py"),
    "root/inner/x": b"x",
    "root/dangling": Link("/nowhere"),
}
USER = (
    "useradd --create-home --shell /bin/bash flyte && chown -R flyte:flyte /root && mkdir -m 700 /private /replaced && "
    "ln -s /usr/lib /alias && ln -s /late/place /dangling && echo old > /old && ln -s /old /to-old && "
    "mkdir -p /srv/inner && chmod 711 /srv/inner"
)
COPIES = [
    ("one.py", "."),
    ("one.py", "renamed.py"),
    ("app", "app"),
    ("app", "/private"),
    ("app/", "/alias/app/"),
    ("one.py", "/alias/deep/er/x.py"),
    ("one.py", "/made/by/slash/"),
    ("one.py", "/$SOME/$UNSET.x/"),
    ("alias", "/links/"),
    ("app/sub", "/links/sub"),
    ("one.py", "/to-old"),
    ("one.py", "/dangling"),
    ("root", "/srv"),
    ("root", "/"),
    ("root", "/srv/"),
    (".", "/all/of/it"),
    ("one.py", "../up.py"),
]


class Step(NamedTuple):
    words: str
    before: Inventory
    after: Inventory
    files: dict[str, bytes]


def _steps(image: str) -> Iterator[tuple[dict[str, Any], Step]]:
    """The image's configuration, and what each instruction with a layer did."""
    about = manifest(image)
    config = msgspec.json.decode(blob(image, about["config"]["digest"]))
    words = [line.get("created_by", "") for line in config["history"] if not line.get("empty_layer")]
    made, files = Inventory.empty(), {}
    for line, layer in zip(words, about["layers"], strict=True):
        stream = io.BytesIO(blob(image, layer["digest"]))
        read = read_layer(stream, layer["mediaType"], keep=lambda entry: entry.path in ("/etc/passwd", "/etc/group"))
        after = made.applied(read.entries, read.removed, read.opaque)
        files = {**files, **read.kept}
        yield config, Step(line, made, after, files)
        made = after


def _differences(found: Inventory, wanted: Inventory) -> list[object]:
    paths = sorted({entry.path for entry in (*found, *wanted)})
    return [(path, found.get(path), wanted.get(path)) for path in paths if found.get(path) != wanted.get(path)]


def test_copies_are_those_of_buildkit(engine: Engine, tmp_path: Path) -> None:
    layers: list[dict[str, Any]] = [
        {"commands": {"cmd": [USER]}},
        {"env": {"envVariables": {"SOME": "opt/some where"}}},
        {"workdir": {"workdir": "/$SOME/deep"}},
        *({"copyConfig": {"src": src, "dst": dst}} for src, dst in COPIES),
    ]
    job = jobs.with_context(engine.job(layers, context_needed=True), FILES, tmp_path)
    result = engine.build(job, tmp_path / "out")
    assert result.state is State.SUCCEEDED, result.error
    context = _unpacked(tmp_path)
    copied = [
        (config, step)
        for config, step in _steps(f"{job.target.rpartition(':')[0]}@{result.digest}")
        if step.words.startswith("COPY") and "uv" not in step.words.split()[1]
    ]
    ours = copied[-len(COPIES) :]
    assert len(ours) == len(COPIES)
    for (src, dst), (config, step) in zip(COPIES, ours, strict=True):
        variables = dict(line.split("=", 1) for line in config["config"]["Env"])
        items = copy(
            CopyConfig(src=src, dst=dst),
            context,
            step.before,
            "/opt/some where/deep",
            variables,
            "flyte:flyte",
            step.files["/etc/passwd"],
            step.files["/etc/group"],
        )
        made = step.before.applied(item.entry for item in items)
        assert _differences(made, step.after) == [], (src, dst, step.words)


def _unpacked(folder: Path) -> Path:
    with tarfile.open(folder / "context.tar.gz") as archive:
        archive.extractall(folder / "context", filter="tar")
    return folder / "context"
