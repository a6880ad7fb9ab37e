"""An image for several platforms: each is made of its own base, side by side, and one index names them."""

import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import Phase, Step
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.building import Building, Segment
from boatyard_layers.errors import NotExact
from boatyard_layers.image import LayeredImage, make_image
from boatyard_registry.client import RegistryClient
from tests.buildkit import jobs
from tests.layers.test_base import push
from tests.registry.server import DOCKER_LIST, DOCKER_MANIFEST, FakeRegistry, Fault

PLATFORMS = ("linux/amd64", "linux/arm64")
LAYERS = ({"env": {"envVariables": {"A": "1"}}}, {"copyConfig": {"src": "src", "dst": "/srv"}})
COMMAND = {"commands": {"cmd": ["true"]}}


class Told:
    """Implements Report."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def step(self, step: Step) -> None:
        self.steps.append(step.title)

    def phase(self, phase: Phase) -> None:
        """Not looked at."""


class TwoPlatforms:
    """Builds on a base for both platforms, whose arm64 image has the variant that BuildKit gives it."""

    def __init__(self, fake: FakeRegistry, client: RegistryClient, folder: Path) -> None:
        self.fake = fake
        self.client = client
        self.folder = folder
        self.told = Told()
        self.run_segment: Callable[[Segment], str] | None = None
        self.platforms: tuple[str, ...] = PLATFORMS
        self.runs_on: tuple[str, ...] = PLATFORMS
        (folder / "context/src").mkdir(parents=True)
        (folder / "context/src/app.py").write_text("print()\n")
        for architecture in ("amd64", "arm64"):
            (folder / f"uv-{architecture}").write_text(f"uv of {architecture}")
        self.base(*PLATFORMS)

    def base(self, *platforms: str, python: str = "opt/venv/bin/python") -> None:
        entries = []
        for name in (platform.split("/")[1] for platform in platforms):
            variant = {"variant": "v8"} if name == "arm64" else {}
            digest = push(
                self.fake,
                {python: name.encode(), "etc/passwd": b"root:x:0:0::/root:/bin/sh\n"},
                tag=name,
                architecture=name,
                edit=lambda manifest, config, variant=variant: config.update(variant),  # type: ignore[misc]
            )
            platform = {"os": "linux", "architecture": name, **variant}
            entries.append({"digest": digest, "size": 1, "mediaType": DOCKER_MANIFEST, "platform": platform})
        document = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": entries}
        self.fake.add_manifest("acme/base", "v1", document, DOCKER_LIST)

    def make(self, *layers: dict[str, Any], cache: str = "") -> LayeredImage:
        address = self.fake.address
        settings = msgspec.structs.replace(
            jobs.SETTINGS,
            layers="registry",
            default_repository=f"{address}/acme/images",
            insecure_registries=(address,),
            uv=msgspec.structs.replace(jobs.SETTINGS.uv, directory=str(self.folder)),
        )
        job = jobs.make(list(layers), settings=settings, base=f"{address}/acme/base:v1", context_needed=True)
        self.target = job.target
        work = Path(tempfile.mkdtemp(dir=self.folder))
        return make_image(
            msgspec.structs.replace(job, cache_repository=cache, platforms=self.platforms, runs_on=self.runs_on),
            Building(
                context=self.folder / "context",
                work=work,
                client=self.client,
                report=self.told,
                run_segment=self.run_segment,
                secret=lambda name: name,
                cache=BuilderCache(work / "cache"),
            ),
        )

    def document(self, name: str) -> Any:
        return json.loads(self.fake.manifests[self.repository, name][1])

    @property
    def repository(self) -> str:
        return Reference.parse(self.target).repository.path

    @property
    def tag(self) -> str:
        return Reference.parse(self.target).tag or ""


@pytest.fixture
def two(fake: FakeRegistry, client: RegistryClient, tmp_path: Path) -> TwoPlatforms:
    return TwoPlatforms(fake, client, tmp_path)


def test_an_index_has_an_image_of_each_platform_on_its_own_base(two: TwoPlatforms) -> None:
    made = two.make(*LAYERS)
    index = two.document(made.digest)
    assert index == two.document(two.tag)
    assert [entry["platform"] for entry in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
    ]
    layers = []
    for entry in index["manifests"]:
        manifest = two.document(entry["digest"])
        config = json.loads(two.fake.blobs[manifest["config"]["digest"]])
        architecture = entry["platform"]["architecture"]
        assert config["architecture"] == architecture
        assert config.get("variant") == ("v8" if architecture == "arm64" else None)
        assert config["config"]["Labels"]["io.boatyard.key"]
        assert "A=1" in config["config"]["Env"]
        layers.append([layer["digest"] for layer in manifest["layers"]])
    base, uv, files = zip(*layers, strict=True)
    assert base[0] != base[1] and uv[0] != uv[1] and files[0] == files[1]


def test_the_log_and_the_progress_name_the_platform(two: TwoPlatforms) -> None:
    two.make(*LAYERS)
    for platform in PLATFORMS:
        assert any(line.startswith(f"[{platform} 3/3]") and "made from files" in line for line in two.told.lines)
        assert any(title.startswith(f"{platform} with_env_vars") for title in two.told.steps)
    two.told.lines.clear()
    two.make(*LAYERS)
    for platform in PLATFORMS:
        assert any(line.startswith(f"[{platform} 3/3] found in") for line in two.told.lines)


def test_both_platforms_are_made_side_by_side_and_one_that_fails_ends_the_build(two: TwoPlatforms) -> None:
    together, over = threading.Barrier(2, timeout=20), threading.Event()

    def run(segment: Segment) -> str:
        together.wait()
        if segment.platform == "linux/arm64":
            raise BoatyardError(Code.COMMAND_FAILED, "exit code 7")
        over.wait(20)
        raise BoatyardError(Code.CANCELLED, "stopped")

    two.run_segment = run
    try:
        with pytest.raises(BoatyardError) as caught:
            two.make(COMMAND)
        assert caught.value.code == Code.COMMAND_FAILED
    finally:
        over.set()
    assert (two.repository, two.tag) not in two.fake.manifests


def test_a_base_without_one_of_the_platforms_is_left_to_buildkit_by_name(two: TwoPlatforms) -> None:
    two.base("linux/amd64")
    with pytest.raises(NotExact, match=r"^linux/arm64: .* is not for linux/arm64$"):
        two.make(*LAYERS)
    assert (two.repository, two.tag) not in two.fake.manifests


def test_a_step_that_turns_out_to_run_commands_is_refused_where_they_cannot(two: TwoPlatforms) -> None:
    """The base has no environment, which the plan cannot know."""
    two.base(*PLATFORMS, python="usr/bin/perl")
    two.platforms, two.runs_on = ("linux/arm64",), ("linux/amd64",)
    two.run_segment = lambda _: pytest.fail("BuildKit was asked")
    with pytest.raises(BoatyardError) as caught:
        two.make(*LAYERS)
    assert caught.value.code == Code.UNSUPPORTED
    assert caught.value.detail.startswith(
        "the image's beginning: the base image has no /opt/venv/bin/python, and its PATH has no Python; "
        "making uv and the virtual environment "
        "needs commands on linux/arm64, and this deployment runs commands on linux/amd64 only"
    )


def test_a_base_without_the_platform_is_refused_where_buildkit_could_not_use_one(two: TwoPlatforms) -> None:
    two.base("linux/amd64")
    two.runs_on = ("linux/amd64",)
    with pytest.raises(BoatyardError, match=r" is not for linux/arm64; choose a base") as caught:
        two.make(*LAYERS)
    assert caught.value.code == Code.BASE_IMAGE_NOT_FOUND
    assert (two.repository, two.tag) not in two.fake.manifests


def test_a_base_that_cannot_be_read_keeps_its_error_where_buildkit_could_not_use_it(two: TwoPlatforms) -> None:
    two.platforms, two.runs_on = ("linux/arm64",), ("linux/amd64",)
    two.fake.faults.append(Fault(status=403, path="/acme/base/manifests/", times=9))
    with pytest.raises(BoatyardError) as caught:
        two.make(*LAYERS)
    assert caught.value.code == Code.REGISTRY_DENIED
