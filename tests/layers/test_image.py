"""Whole images by layers, with the real registry and BuildKit: what the registry has is not made again, and an image is
the one that BuildKit makes from the same spec."""

import re
import secrets as random
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard_client.pruning import prune
from boatyard_layers.config import env_of
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Base
from tests.buildkit.conftest import engine
from tests.buildkit.engine import Engine, log_of
from tests.layers.real_base import RealBase

__all__ = ["engine"]

pytestmark = pytest.mark.integration

TIMES_OF_BUILDS = ("/var/cache", "/var/lib/dpkg", "/var/log")


def pip(*packages: str) -> dict[str, Any]:
    return {"pipPackages": {"packages": list(packages)}}


def command(text: str) -> dict[str, Any]:
    return {"commands": {"cmd": [text]}}


class Yard:
    """One project's builds, layer by layer unless BuildKit is asked to make the whole image.

    The jobs of one session are of one machine, unless it should be empty."""

    def __init__(self, engine: Engine, real_base: RealBase, folder: Path) -> None:
        self.engine = engine
        self.real_base = real_base
        self.folder = folder
        self.project = real_base.project
        self.name = f"p{random.token_hex(4)}"
        self.base = str(real_base.image)
        self.settings = msgspec.structs.replace(
            engine.settings, default_repository=f"{engine.settings.default_repository}/{self.name}"
        )

    def job(self, *layers: dict[str, Any], by: str = "registry", **options: Any) -> BuildJob:
        settings = msgspec.structs.replace(self.settings, layers=by)
        return self.engine.job(list(layers), settings=settings, base=self.base, project=self.project, **options)

    def build(self, job: BuildJob, **options: bool) -> tuple[Base, str]:
        """The image, read as a base, and the log."""
        digest, log = self.run(job, **options)
        return self.real_base.read(Reference.parse(job.target).at(digest)), log

    def run(self, job: BuildJob, *, buildkit: bool = True, empty: bool = False) -> tuple[str, str]:
        """The digest and the log. Without `buildkit`, the job cannot reach one."""
        out = self.folder / random.token_hex(4)
        engine = self.engine if buildkit else Engine(self._without_buildkit())
        result = engine.build(job, out, cache=None if empty else self.real_base.cache)
        log = log_of(out)
        assert result.state is State.SUCCEEDED, log
        return result.digest or "", log

    def _without_buildkit(self) -> Path:
        path = self.folder / "without-buildkit.toml"
        text = self.engine.path.read_text()
        path.write_text(text.replace("/docker.sock", "/no-docker.sock"))
        return path


@pytest.fixture
def new_yard(engine: Engine, real_base: RealBase, tmp_path: Path) -> Yard:
    return Yard(engine, real_base, tmp_path)


@pytest.fixture
def yard(new_yard: Yard, real_base: RealBase) -> Yard:
    """Its repository has what is kept of the base: test_real_base.py reads that."""
    real_base.keep_in(Reference.parse(new_yard.job().target).repository)
    return new_yard


def files_of(image: Base) -> dict[str, tuple[object, ...]]:
    """Everything that a container sees of the file system, but for the sizes of what has times inside."""
    entries = {entry.path: entry for entry in Inventory.decode(image.facts.inventory)}
    return {
        path: (entry.kind, entry.mode, entry.uid, entry.gid, entry.target if entry.kind == "symlink" else "")
        for path, entry in entries.items()
        if not path.startswith(TIMES_OF_BUILDS)
    }


def config_of(image: Base) -> dict[str, Any]:
    config = dict(image.config)
    inner = dict(config["config"])  # type: ignore[call-overload]
    inner["Labels"] = None
    inner["Env"] = {name: value for name, value in env_of(config).items() if name != "_F_IMG_ID"}
    return {"architecture": config["architecture"], "os": config["os"], "config": inner}


def test_packages_need_no_buildkit_and_the_image_is_the_one_that_buildkit_makes(yard: Yard) -> None:
    files = {"src/app.py": b"print()\n", "src/run.sh": b"#!/bin/sh\n"}
    layers = (
        pip("requests==2.32.3", "rich==13.9.4"),
        {"env": {"envVariables": {"A": "$PATH:/x"}}},
        {"workdir": {"workdir": "/srv/app"}},
        {"copyConfig": {"src": "src", "dst": "/srv/app"}},
    )
    job = yard.job(*layers, files=files, folder=yard.folder)
    made, log = yard.build(job, buildkit=False)
    whole = yard.job(*layers, files=files, folder=yard.folder, by="builder")
    expected, _ = yard.build(msgspec.structs.replace(whole, target=f"{whole.target}-whole", force=True))
    assert "made from wheels" in log and "BuildKit" not in log
    ours, theirs = files_of(made), files_of(expected)
    assert {
        path: (ours.get(path), theirs.get(path))
        for path in ours.keys() | theirs.keys()
        if ours.get(path) != theirs.get(path)
    } == {}
    assert config_of(made) == config_of(expected)
    more, log = yard.build(
        yard.job(pip("requests==2.32.3", "rich==13.9.4"), *layers[1:3], pip("six==1.17.0")), buildkit=False
    )
    assert "with_pip_packages('requests==2.32.3', 'rich==13.9.4') (found)" in log
    below = [layer.digest for layer in made.layers]
    assert [layer.digest in below for layer in more.layers].count(False) == 1


def test_what_runs_is_built_once_and_found_by_a_machine_without_buildkit(yard: Yard) -> None:
    setup = command(f"echo {random.token_hex(4)} > /made && useradd someone")
    variables = {"env": {"envVariables": {"A": "$PATH:/x"}}}
    first, log = yard.build(yard.job(setup, variables, command("echo $A > /a"), pip("six==1.17.0")))
    assert "made by BuildKit" in log
    assert set(re.findall(r"\[(\d+/\d+)\]", log)) == {f"{number}/5" for number in range(1, 6)}
    second, log = yard.build(
        yard.job(setup, variables, command("echo $A > /a"), pip("six==1.17.0", "idna==3.10")),
        buildkit=False,
        empty=True,
    )
    assert "found in" in log and "made by BuildKit" not in log
    assert "/made" in Inventory.decode(second.facts.inventory)
    assert b"someone" in second.facts.passwd
    assert second.layers[: len(first.layers) - 1] == first.layers[:-1]
    other = (setup, variables, command("echo $A > /b"))
    third, log = yard.build(yard.job(*other))
    assert re.search(r"useradd someone.* \(found\)", log) and third.layers[:-1] == first.layers[:-2]
    whole, _ = yard.build(msgspec.structs.replace(yard.job(*other, by="builder"), target=f"{yard.job().target}-whole"))
    assert config_of(third) == config_of(whole)
    repository, client = Reference.parse(yard.job().target).repository, yard.engine.registry.client
    removed = prune(client, repository, older_than=0, now=time.time() + 60, dry_run=True)
    assert removed.foreign == 0 and sum(each.kind == "prefix" for each in removed.removed) == 6 + 2, "two of BuildKit"


def test_a_killed_job_leaves_nothing_that_a_later_one_takes_for_whole(yard: Yard) -> None:
    job = yard.job(pip("certifi==2024.8.30"), pip("idna==3.10"))
    for pause in (1.5, 4.0):
        process = yard.engine.start(job, yard.folder / f"killed-{pause}", cache=yard.real_base.cache)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    made, _ = yard.build(job, buildkit=False)
    again = msgspec.structs.replace(job, target=f"{job.target}-again", force=True)
    expected, _ = yard.build(again, buildkit=False, empty=True)
    assert made.layers == expected.layers
    assert files_of(made) == files_of(expected)


def test_a_failing_step_is_explained_as_before(yard: Yard) -> None:
    job = yard.job(pip("six==1.17.0"), command("exit 7"))
    result = yard.engine.build(job, yard.folder / "failing", cache=yard.real_base.cache)
    assert result.error and (result.error.code, result.error.layer_index) == ("COMMAND_FAILED", 1)
