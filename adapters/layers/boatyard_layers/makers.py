"""Makes the steps that the registry does not have, for one platform, each with the maker that its plan names."""

import secrets
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.artifacts import tag
from boatyard.backports import assert_never
from boatyard.dockerfile.frame import OPENING_ENVIRONMENT, UV_PLACE
from boatyard.job import BuildJob
from boatyard.lock import LockedPackage
from boatyard.mirrors import mirrored
from boatyard.reference import Reference
from boatyard.spec import CopyConfig, Env, PipPackages, PoetryProject, WorkDir
from boatyard_layers import config as configs
from boatyard_layers.ahead import WheelsAhead
from boatyard_layers.artifacts import PREFIX_KEY
from boatyard_layers.base import with_facts
from boatyard_layers.building import Building, Segment
from boatyard_layers.cutting import cut
from boatyard_layers.errors import NotExact
from boatyard_layers.files import copy
from boatyard_layers.inventory import Inventory
from boatyard_layers.layer_writer import LayerWriter
from boatyard_layers.made import Made
from boatyard_layers.model import PYTHON, Base, PathEntry, Prefix
from boatyard_layers.network import network_variables
from boatyard_layers.pack import LayerItem
from boatyard_layers.plan import MakerStep
from boatyard_layers.pushed_layers import read_pushed
from boatyard_layers.store import LayerStore
from boatyard_layers.uv_binary import own_platform, uv_binary

if TYPE_CHECKING:
    from boatyard_layers.interpreter import Interpreter

_ROOT: Final = "root"
POETRY: Final = PipPackages(packages=("poetry",))
"""What a layer of a Poetry project installs before its project (`boatyard.dockerfile.projects`). Poetry writes other
metadata than uv, and no byte code, so what it installs is not made here."""


class Makers:
    def __init__(self, job: BuildJob, building: Building, store: LayerStore, base: Base) -> None:
        self._job = job
        self._building = building
        self._store = store
        self._base = base
        self._interpreters: dict[str, Interpreter] = {}
        self._ahead = WheelsAhead(self._guessed)
        self._folder = Path(tempfile.mkdtemp(prefix="layers-", dir=building.work))
        self._writer = LayerWriter(job.output, store, self._folder)

    def from_base(self) -> Made:
        return Made.of(self._base.config, self._base.layers, self._base.facts)

    def from_prefix(self, prefix: Prefix) -> Made:
        return Made.of(prefix.config, prefix.layers, self._store.facts(prefix))

    def make(self, left: Sequence[MakerStep], made: Made, keys: Sequence[str]) -> tuple[int, Made]:
        """Makes the first step, and with it those after it that its maker takes together.

        Returns their number, and the image that ends with them. Raises NotExact if the first one needs `run`.
        """
        step, before = left[0], made
        resolved: tuple[LockedPackage, ...] = ()
        match step.maker:
            case "config":
                return 1, self._configured(step, made)  # making it costs less than looking for it
            case "files":
                made = self._copied(step, made) if step.layer else self._opened(made)
            case "wheels":
                self._ahead.wait()
                if isinstance(step.layer, PoetryProject) and self._building.run_segment:
                    self._building.report.log(f"{step.title}: Poetry itself is made from wheels, and BuildKit runs it")
                made, resolved = self._installed(step, made)
                if isinstance(step.layer, PoetryProject):
                    made = self._run((step,), made)[-1]
            case "run":
                taken = _taken_by_run(left)
                self._begin_wheels(left[taken:], made)
                return self._ran(left[:taken], made, keys)
            case _:
                assert_never(step.maker)
        return 1, self._kept(step, made.recorded(step.number - 1, before.files, resolved), keys)

    def _kept(self, step: MakerStep, made: Made, keys: Sequence[str]) -> Made:
        self._building.check()
        self._store.put_prefix(made.prefix(keys[step.number], self._base.platform), made.facts())
        return made

    def _begin_wheels(self, following: Sequence[MakerStep], made: Made) -> None:
        if self._building.run_segment is None or not _is_file(made.inventory, PYTHON):
            return
        for step in self._ahead.begin(following, made):
            self._building.report.log(f"{step.title} begins while BuildKit runs")

    def _guessed(self, step: MakerStep, made: Made) -> Made:
        """After a step of wheels or configuration, if the steps before it that BuildKit runs changed nothing."""
        if step.maker == "wheels":
            return self._installed(step, made)[0]
        return self._configured(step, made) if isinstance(step.layer, Env) else made

    def _ran(self, steps: Sequence[MakerStep], made: Made, keys: Sequence[str]) -> tuple[int, Made]:
        """One solve for all steps, and a prefix for each of them if it is known what ends with it."""
        pushed = self._run(steps, made)
        ended = cut(steps, self._job.dockerfile.split("\n"), made.config, pushed, self._job.build_args)
        for step, after in zip(steps, ended, strict=True) if ended else [(steps[-1], pushed[-1])]:
            after = msgspec.structs.replace(after, lock=made.lock)
            made = after.recorded(step.number - 1, made.files, ())
            if step.maker == "run":
                self._kept(step, made, keys)
        return len(steps), made

    def _opened(self, made: Made) -> Made:
        """uv, the variables, and an environment if the base has none."""
        uv = uv_binary(self._job, self._base.platform, self._store, self._building.cache)
        entry = PathEntry(path=made.inventory.resolve(UV_PLACE), mode=0o755, size=uv.stat().st_size)
        with ThreadPoolExecutor(1, "uv") as threads:
            packed = threads.submit(self._writer.pack, [LayerItem(entry, uv)], "uv")
            items = [] if _is_file(made.inventory, PYTHON) else self._environment(made)
        made = self._writer.add_packed(made, [LayerItem(entry, uv)], *packed.result())
        made = self._writer.add(made, items)
        config = configs.apply_user(made.config, _ROOT)
        for variables in OPENING_ENVIRONMENT:
            config = configs.set_env(config, variables, self._job.build_args)
        return made.with_config(config)

    def _environment(self, made: Made) -> list[LayerItem]:
        from boatyard_layers.base_python import base_python  # bases that have an environment need none of it
        from boatyard_layers.environment import make_environment

        version = self._job.steps.python if self._job.steps else ""
        try:
            python = base_python(version, made.config, made.inventory, made.files.get("/etc/passwd", b""))
            interpreter = self._interpreter_at(python.program)
            uv = uv_binary(self._job, own_platform(), self._store, self._building.cache)
            return make_environment(python, interpreter, uv, made.inventory, self._building.check)
        except NotExact as error:
            raise NotExact(f"the base image has no {PYTHON}, and {error}") from None

    def _configured(self, step: MakerStep, made: Made) -> Made:
        match step.layer:
            case Env(env_variables=variables):
                return made.with_config(configs.apply_env(made.config, variables, self._job.build_args))
            case WorkDir(workdir=path):
                config, items = configs.apply_workdir(made.config, path, made.inventory, self._job.build_args)
                return self._writer.add(made.with_config(config), items)
            case other:
                raise NotExact(f"{type(other).__name__} is no configuration")

    def _copied(self, step: MakerStep, made: Made) -> Made:
        layer = step.layer
        if not isinstance(layer, CopyConfig):
            raise NotExact(f"{type(layer).__name__} copies no files")
        items = copy(
            layer,
            self._building.context,
            made.inventory,
            configs.workdir_of(made.config),
            {**self._job.build_args, **configs.env_of(made.config)},
            step.owner,
            made.files.get("/etc/passwd", b""),
            made.files.get("/etc/group", b""),
        )
        return self._writer.add(made, items)

    def _installed(self, step: MakerStep, made: Made) -> tuple[Made, tuple[LockedPackage, ...]]:
        from boatyard_layers.wheels.make import WheelsStep, make_wheels  # images whose files changed need none of it

        layer, job = step.layer, self._job
        if layer is None:
            raise NotExact(f"{step.title} is not described")
        if isinstance(layer, PoetryProject):
            if self._building.run_segment is None:
                raise NotExact("Poetry installs its projects, and there is no BuildKit here")
            layer = POETRY
        mounts = getattr(layer, "secret_mounts", ())
        result = make_wheels(
            WheelsStep(
                layer=layer,
                context=self._building.context,
                platform=self._base.platform,
                environment=configs.env_of(made.config) | network_variables(job.network),
                secrets={
                    secret.environment_name: self._building.secret(secret.name)
                    for secret in mounts
                    if secret.environment_name
                },
                workdir=configs.workdir_of(made.config),
                compression=job.output.compression,
                level=job.output.compression_level,
                resolved_only=step.number == self._building.resolved_only,
            ),
            made.facts(),
            self._interpreter_for(made),
            uv_binary(job, own_platform(), self._store, self._building.cache),
            self._building.cache,
            self._store,
        )
        return Made.of(made.config, (*made.layers, *result.layers), result.facts), result.packages

    def _interpreter_for(self, made: Made) -> "Interpreter":
        # A command may have made another environment than that of the layers before it.
        return self._interpreter_at(made.inventory.resolve(PYTHON))

    def _interpreter_at(self, python: str) -> "Interpreter":
        """The base's at a path. Of an environment that a layer made from another one, there is none."""
        if python not in self._interpreters:
            self._interpreters[python] = self._unpacked(python)
        return self._interpreters[python]

    def _unpacked(self, python: str) -> "Interpreter":
        from boatyard_layers.unpacked_interpreter import interpreter_of, unpacked_before

        job, building = self._job, self._building
        if self._base.platform == own_platform():
            # Of an earlier job: then the base's facts need not be read again.
            known = unpacked_before(
                python, self._base.layers, building.cache, trusted=job.base_trusted, check=building.check
            )
            if known is not None:
                return known
        self._base = with_facts(self._base, building.client, self._store)
        return interpreter_of(
            mirrored(Reference.parse(job.base_images[0]), job.registry_mirrors),
            self._base,
            {},
            building.client,
            self._store,
            building.cache,
            python=python,
            trusted=job.base_trusted,
            check=building.check,
        )

    def _run(self, steps: Sequence[MakerStep], made: Made) -> list[Made]:
        """BuildKit runs the steps, from what there is so far. Its new layers are read, for the inventory.

        Returns what there was, and what ends with each new layer."""
        from boatyard.platforms import check_runs  # images whose files changed need none of it

        platform = self._base.platform
        check_runs(self._job, platform, f"making {steps[0].title}")
        run = self._building.run_segment
        if run is None:
            raise NotExact(f"{steps[0].title} runs a command, and there is no BuildKit here")
        lines = [step for step in steps if step.first_line <= step.last_line]
        if not lines:
            return [made]
        key = secrets.token_hex(32)
        segment = Segment(
            platform=platform,
            base=self._start(made),
            first_line=lines[0].first_line,
            last_line=lines[-1].last_line,
            first_step=lines[0].number + 1,
            total_steps=len(self._job.layers) + 1,
            target=f"{self._store.cache}:{tag('prefix', key)}",
            annotations={PREFIX_KEY: key, **self._store.created()},
            name=f"{platform.replace('/', '-')}-{steps[0].number}",
        )
        return read_pushed(made, self._store, run(segment), self._folder)

    def _start(self, made: Made) -> Reference:
        """What is made so far as an image that BuildKit can start from, without a tag."""
        if made.layers == self._base.layers and made.config == self._base.config:
            return Reference.parse(f"{self._base.repository}@{self._base.digest}")
        platform = self._base.platform
        digest = self._store.put_image(Reference(self._store.cache), {platform: made.prefix("", platform)}, {})
        return Reference(self._store.cache).at(digest)


def _taken_by_run(left: Sequence[MakerStep]) -> int:
    """BuildKit takes every following `run`, and the configuration between two of them."""
    taken = 0
    for number, step in enumerate(left, 1):
        if step.maker == "run":
            taken = number
        elif step.maker != "config":
            break
    return taken


def _is_file(inventory: Inventory, path: str) -> bool:
    """What `[ -f ]` says."""
    found = inventory.get(inventory.resolve(path))
    return found is not None and found.kind in ("file", "hardlink")
