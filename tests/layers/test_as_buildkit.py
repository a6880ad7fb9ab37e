"""Files and configuration that an image gets here are those that the real BuildKit gives it."""

import io
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from boatyard.build import State
from boatyard.dockerfile.frame import HOME, IMAGE_ID, OPENING_ENVIRONMENT, SHELL, USER
from boatyard.reference import Reference
from boatyard.spec import CopyConfig
from boatyard_layers.config import apply_env, apply_shell, apply_user, apply_workdir, env_of, set_env, workdir_of
from boatyard_layers.files import copy
from boatyard_layers.inventory import Inventory
from boatyard_layers.tar_reading import read_layer
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
PREPARED = (
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


VARIABLES = [
    {"SOME": "opt/some where"},
    {"B": "$A", "A": "new", "C": "${SOME}/$UNSET|"},
    {"PATH": "/mine:$PATH", "A": "[$A]"},
    {"QUOTES": """it's "so" \\ \\$HOME `x` $(y) #z""", "LINES": "one\ntwo", "EMPTY": "", "UNI": "ünï"},
]
FOLDERS = ["first", "../second/./third//", "/alias/by/link", "/private", "/$SOME/deep"]


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


class Image(NamedTuple):
    base: dict[str, Any]
    """The configuration of the base image."""
    config: dict[str, Any]
    steps: list[Step]
    context: Path
    arguments: dict[str, str]
    image_id: str

    def named(self, instruction: str, count: int) -> list[Step]:
        """The last steps of one instruction."""
        return [step for step in self.steps if step.words.startswith(instruction)][-count:]


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    layers: list[dict[str, Any]] = [
        {"commands": {"cmd": [PREPARED]}},
        *({"env": {"envVariables": variables}} for variables in VARIABLES),
        *({"workdir": {"workdir": path}} for path in FOLDERS),
        *({"copyConfig": {"src": src, "dst": dst}} for src, dst in COPIES),
    ]
    settings = msgspec.structs.replace(engine.settings, layers="builder")  # else the makers would make it
    job = engine.job(layers, files=FILES, folder=folder, settings=settings)
    result = engine.build(job, folder / "out")
    assert result.state is State.SUCCEEDED, result.error
    made = list(_steps(f"{job.target.rpartition(':')[0]}@{result.digest}"))
    config = made[0][0]
    (image_id,) = (line.partition("=")[2] for line in config["config"]["Env"] if line.startswith("_F_IMG_ID="))
    return Image(
        _config_of(engine.base), config, [step for _, step in made], _unpacked(folder), job.build_args, image_id
    )


def test_copies_are_those_of_buildkit(image: Image) -> None:
    variables = {**image.arguments, **env_of(image.config)}
    for (src, dst), step in zip(COPIES, image.named("COPY", len(COPIES)), strict=True):
        items = copy(
            CopyConfig(src=src, dst=dst),
            image.context,
            step.before,
            "/opt/some where/deep",
            variables,
            "flyte:flyte",
            step.files["/etc/passwd"],
            step.files["/etc/group"],
        )
        made = step.before.applied(item.entry for item in items)
        assert _differences(made, step.after) == [], (src, dst, step.words)


def test_the_configuration_is_that_of_buildkit(image: Image) -> None:
    config = apply_user(image.base, "root")
    for variables in OPENING_ENVIRONMENT:
        config = set_env(config, variables, image.arguments)
    for variables in VARIABLES:
        config = apply_env(config, variables, image.arguments)
    for path, step in zip(FOLDERS, image.named("WORKDIR", len(FOLDERS) + 1)[:-1], strict=True):
        config, items = apply_workdir(config, path, step.before, image.arguments)
        assert _differences(step.before.applied(item.entry for item in items), step.after) == [], step.words
    assert workdir_of(config) == "/opt/some where/deep"
    config, items = apply_workdir(apply_user(config, USER), HOME, image.steps[-1].before, image.arguments)
    assert not items
    config = apply_shell(apply_env(config, {IMAGE_ID: image.image_id}, image.arguments), SHELL)
    made, found = dict(config["config"]), dict(image.config["config"])
    assert made | {"Labels": None} == found | {"Labels": None}
    assert config["os"] == image.config["os"] and config["architecture"] == image.config["architecture"]


def _config_of(name: str) -> dict[str, Any]:
    """Of an image for this machine, by tag."""
    reference = Reference.parse(name)
    place = f"{reference.repository}@{reference.digest or reference.tag}"
    about = manifest(place)
    if "manifests" in about:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
        (digest,) = (m["digest"] for m in about["manifests"] if m["platform"]["architecture"] == machine)
        about = manifest(f"{reference.repository}@{digest}")
    found: dict[str, Any] = msgspec.json.decode(blob(place, about["config"]["digest"]))
    return found


def _unpacked(folder: Path) -> Path:
    with tarfile.open(folder / "context.tar.gz") as archive:
        archive.extractall(folder / "context", filter="tar")
    return folder / "context"
