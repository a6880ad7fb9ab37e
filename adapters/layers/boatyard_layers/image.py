"""Makes the image of a job out of the layers that the registry has, and makes the rest."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Final

import msgspec

from boatyard.build import Phase, Step
from boatyard.dockerfile.frame import HOME, IMAGE_ID, SHELL
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob, JobSteps
from boatyard.mirrors import mirrored
from boatyard.reference import Reference, Repository
from boatyard_layers import base as bases
from boatyard_layers import config as configs
from boatyard_layers.background_store import BackgroundStore
from boatyard_layers.building import Building
from boatyard_layers.errors import NoSuchBase, NotExact
from boatyard_layers.made import Made
from boatyard_layers.makers import Makers
from boatyard_layers.model import Base
from boatyard_layers.plan import MakerStep, key_of, steps_of
from boatyard_layers.recording import lock_to_record, record, sent_ahead
from boatyard_layers.store import LayerStore
from boatyard_registry.blobs import Blobs

_UNREADABLE: Final = frozenset({Code.REGISTRY_DENIED, Code.REGISTRY_UNAVAILABLE})
_WORDS: Final = {"config": "as configuration", "files": "from files", "wheels": "from wheels", "run": "by BuildKit"}
_MB: Final = 1_000_000


class LayeredImage(msgspec.Struct, frozen=True):
    digest: str
    layers: tuple[str, ...]
    """Digests of all platforms' layers, without duplicates."""


def make_image(job: BuildJob, building: Building) -> LayeredImage:
    """Makes and pushes the image of a job with steps.

    Raises NotExact if BuildKit has to make the whole image; then the target's tag is as it was. Raises BoatyardError
    for what would fail with BuildKit, too.
    """
    steps = job.steps
    if steps is None or len(job.base_images) != 1:
        raise NotExact("the job has no steps")
    if job.output.sbom or job.output.provenance != "off":
        raise NotExact("attestations describe what one BuildKit did")
    target = Reference.parse(job.target)
    cache = Repository.parse(job.cache_repository) if job.cache_repository else target.repository
    store = BackgroundStore(Blobs(building.client), cache, target.repository, force=job.force, note=building.report.log)
    building.report.phase(Phase.BUILD)
    with store.open():
        made = _side_by_side(job, steps, store, building)
        building.report.phase(Phase.PUSH)
        images = {platform: _closed(job, steps, one) for platform, one in made.items()}
        prefixes = {platform: one.prefix("", platform) for platform, one in images.items()}
        locks = {platform: one.lock for platform, one in images.items()}
        python = next((one.python for one in images.values()), "")
        lock = lock_to_record(python, locks, building.report.log)
        store.send_ahead(target.repository, sent_ahead(lock))
        digest = store.put_image(target, prefixes, job.labels)
    record(building.client, target.at(digest), lock, building.report.log, store.described(digest))
    layers = dict.fromkeys(layer.digest for prefix in prefixes.values() for layer in prefix.layers)
    return LayeredImage(digest, tuple(layers))


def _side_by_side(job: BuildJob, steps: JobSteps, store: LayerStore, building: Building) -> dict[str, Made]:
    """Every platform in a thread of its own. The first one that fails ends the build."""
    if len(job.platforms) == 1:
        return {job.platforms[0]: _platform(job, steps, job.platforms[0], store, building)}
    with _threads(len(job.platforms)) as threads:
        started: dict[str, Future[Made]] = {
            platform: threads.submit(_platform, job, steps, platform, store, building) for platform in job.platforms
        }
        done, _ = wait(started.values(), return_when=FIRST_EXCEPTION)
        made: dict[str, Made] = {}
        for platform, future in sorted(started.items(), key=lambda each: each[1] not in done):
            try:
                made[platform] = future.result()
            except NotExact as error:
                raise NotExact(f"{platform}: {error}") from None
        return {platform: made[platform] for platform in job.platforms}


@contextlib.contextmanager
def _threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Does not wait for its threads if the job is stopped: their programs end with the job."""
    threads = ThreadPoolExecutor(number, thread_name_prefix="platform")
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()


def _platform(job: BuildJob, steps: JobSteps, platform: str, store: LayerStore, building: Building) -> Made:
    reference = mirrored(Reference.parse(job.base_images[0]), job.registry_mirrors)
    try:
        base = bases.resolve_alone(reference, platform, building.client, store)
        every = steps_of(job, steps)
        keys = [key_of(step, base.digest, platform) for step in every]
        found = store.find_prefix(keys, base)
        if found is None:
            base = bases.with_facts(base, building.client, store)
    except BoatyardError as error:
        if error.code not in _UNREADABLE or not job.runs(platform):
            raise
        raise NotExact(f"{reference} cannot be read: {error.detail}") from None
    except NoSuchBase as error:
        if job.runs(platform):
            raise
        raise BoatyardError(
            Code.BASE_IMAGE_NOT_FOUND, f"{error}; choose a base image that is, or another platform"
        ) from None
    makers = Makers(job, building, store, base)
    telling = _Telling(building, len(every), platform if len(job.platforms) > 1 else "")
    if found is None:
        return _make(every, keys, makers.from_base(), makers, telling)
    made, number = makers.from_prefix(found), keys.index(found.key) + 1
    telling.found(every[:number], base, made, store)
    return _make(every[number:], keys, made, makers, telling)


def _make(left: tuple[MakerStep, ...], keys: Sequence[str], made: Made, makers: Makers, telling: "_Telling") -> Made:
    """Raises UNSUPPORTED with the layer and the reason if a step turns out to need a BuildKit that this job lacks."""
    reason = ""
    while left:
        began = time.monotonic()
        telling.begin(left[0])
        try:
            number, after = makers.make(left, made, keys)
        except NotExact as error:
            if left[0].maker == "run":
                raise
            reason = str(error)
            telling.falls_back(left[0], reason)
            left = (msgspec.structs.replace(left[0], maker="run"), *left[1:])
            continue
        except BoatyardError as error:
            if error.code != Code.UNSUPPORTED or not reason:
                raise
            layer = left[0].number - 1
            name = "the image's beginning" if layer < 0 else f"layer {layer}"
            raise BoatyardError(
                error.code, f"{name}: {reason}; {error.detail}", layer_index=layer if layer >= 0 else None
            ) from None
        reason = ""
        telling.made(left[:number], made, after, time.monotonic() - began)
        left, made = left[number:], after
    return made


def _closed(job: BuildJob, steps: JobSteps, made: Made) -> Made:
    """The closing names the target, so it is in no prefix."""
    config = dict(made.config)
    if steps.user:
        config = configs.apply_user(config, steps.user)
        config, items = configs.apply_workdir(config, HOME, made.inventory, job.build_args)
        if items:
            raise NotExact(f"no layer makes {HOME}")
    config = configs.set_env(config, {IMAGE_ID: job.target}, job.build_args)
    return made.with_config(configs.apply_shell(config, SHELL))


class _Telling:
    """Writes for each layer whether it was found or made, and its size."""

    def __init__(self, building: Building, total: int, platform: str) -> None:
        self._report = building.report
        self._total = total
        self._where = f"{platform} " if platform else ""

    def found(self, steps: Sequence[MakerStep], base: Base, made: Made, store: LayerStore) -> None:
        layers = made.layers[len(base.layers) :]
        for step in steps:
            self._report.log(f"{self._label(step)} {step.title} (found)")
        size = _size(sum(layer.size for layer in layers))
        count = "1 layer" if len(layers) == 1 else f"{len(layers)} layers"
        self._report.log(f"{self._label(steps[-1])} found in {store.cache}: {count}, {size}")

    def begin(self, step: MakerStep) -> None:
        self._report.step(Step(number=step.number + 1, total=self._total, title=f"{self._where}{step.title}"))

    def falls_back(self, step: MakerStep, reason: str) -> None:
        self._report.log(f"{self._label(step)} {step.title} goes to BuildKit: {reason}")

    def made(self, steps: Sequence[MakerStep], before: Made, after: Made, seconds: float) -> None:
        for step in steps[:-1]:
            self._report.log(f"{self._label(step)} {step.title}")
        layers = after.layers[len(before.layers) :]
        size = f", {_size(sum(layer.size for layer in layers))}" if layers else ""
        last = steps[-1]
        self._report.log(f"{self._label(last)} {last.title} made {_WORDS[steps[0].maker]} in {seconds:.1f} s{size}")

    def _label(self, step: MakerStep) -> str:
        return f"[{self._where}{step.number + 1}/{self._total}]"


def _size(size: int) -> str:
    return f"{size / _MB:.1f} MB" if size >= _MB // 10 else f"{max(size // 1000, 1)} kB"
