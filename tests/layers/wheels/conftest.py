import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.spec import Layer, PipOptions, PipPackages
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Facts, Group, LayerBlob, PathEntry
from boatyard_layers.wheels import WheelsResult, WheelsStep, make_wheels
from tests.layers.own_interpreter import own_interpreter
from tests.layers.wheels.tiny import Tree, apply, compared, tree

UV = Path(sys.executable).parent / "uv"


class MemoryGroups:
    """The store's part that keeps groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.groups: dict[str, Group] = {}
        self.made: list[str] = []

    def find_group(self, key: str) -> Group | None:
        return self.groups.get(key)

    def put_group(self, group: Group, path: Path) -> None:
        self.put_layer(group.layer, path)
        self.groups[group.key] = group
        self.made.append(group.key)

    def put_layer(self, layer: LayerBlob, path: Path) -> None:
        shutil.copy(path, self.folder / layer.digest)


class Image:
    """An image whose environment is at a real path of this machine, so that uv itself can install the same there."""

    def __init__(self, work: Path, cache: Path) -> None:
        self.work = work
        self.cache = cache
        self.venv = work / "venv"
        self.index = work
        self.private = ""
        (work / "blobs").mkdir()
        self.store = MemoryGroups(work / "blobs")
        self.interpreter = own_interpreter(str(self.venv))
        program = self.interpreter.program
        self.uv("venv", "--python", str(program), str(self.venv))
        self.view: Tree = {}
        self.reset()

    def reset(self) -> None:
        """Takes the real environment as the base image."""
        self.view = {str(self.venv): ("directory", 0o755, b""), **tree(self.venv)}
        above = self.venv.parent
        while str(above) != "/":
            self.view[str(above)] = ("directory", 0o755, b"")
            above = above.parent
        self.facts = self.described()

    def described(self) -> Facts:
        """The facts that the file system gives, as of a base."""
        entries = [
            PathEntry(path=path, kind=kind, mode=mode, **({"target": data.decode()} if kind == "symlink" else {}))
            if kind != "file"
            else PathEntry(path=path, mode=mode, size=len(data))
            for path, (kind, mode, data) in self.view.items()
        ]
        files = {p: d for p, (k, _, d) in self.view.items() if k == "file" and (".dist-info/" in p or "pyvenv" in p)}
        return Facts(inventory=Inventory.empty().applied(entries).encode(), files=dict(sorted(files.items())))

    def uv(self, *words: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
            "UV_CACHE_DIR": str(self.cache / "uv"),
            "SOURCE_DATE_EPOCH": "315532800",
            "UV_COMPILE_BYTECODE": "1",
            "UV_LINK_MODE": "copy",
        }
        words = (str(UV), *words)
        ended = subprocess.run(words, env=environment, cwd=self.work, umask=0o022, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr

    def make(self, layer: Layer, **settings: object) -> WheelsResult:
        """Makes the layer, and puts it onto the file system."""
        step = WheelsStep(layer=layer, context=self.work, platform="linux/amd64", environment=self.environment)
        for name, value in settings.items():
            step = type(step)(**{**{f: getattr(step, f) for f in step.__struct_fields__}, name: value})
        made = make_wheels(step, self.facts, self.interpreter, UV, BuilderCache(self.cache), self.store)
        for blob in made.layers:
            apply(self.view, self.store.folder / blob.digest)
        self.facts = made.facts
        return made

    @property
    def environment(self) -> dict[str, str]:
        return {"UV_INDEX_URL": self.address, "UV_COMPILE_BYTECODE": "1"}

    address = "http://127.0.0.1:9/simple"

    def real(self, *words: str) -> Tree:
        """Lets uv install at the real path; what is there then."""
        self.uv("pip", "install", "--python", str(self.venv / "bin" / "python"), *words)
        return compared(tree(self.venv))

    @property
    def made(self) -> Tree:
        return compared({path: row for path, row in self.view.items() if path.startswith(f"{self.venv}/")})


def packages(*names: str, arguments: str = "") -> PipPackages:
    return PipPackages(packages=names, options=PipOptions(extra_args=arguments))


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def image(uv_cache: Path) -> Iterator[Image]:
    # Short, because uv writes another first line for scripts of an environment with a long path.
    with tempfile.TemporaryDirectory(prefix="by-") as folder:
        yield Image(Path(folder), uv_cache)
