"""The interpreter of an image's environment, on this machine: for byte code, and for uv's questions.

Only what it needs is unpacked: the program, its loader, the shared libraries that Python links, and the standard
library. It is run by its own loader, so the machine needs no Python, and no C library that fits. The parts are an
artifact of their own, so another machine does not read the base's layers for them.
"""

import platform as machine
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from boatyard import canonical
from boatyard.decoding import Undecodable
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import deflated, inflated
from boatyard_layers.base import downloaded, resolve, with_layer
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, is_plain, join, parent
from boatyard_layers.model import Base, LayerBlob, PathEntry
from boatyard_layers.store import LayerStore
from boatyard_registry.client import RegistryClient

VENV: Final = "/opt/venv"
PYTHON: Final = f"{VENV}/bin/python"
_ARCHITECTURES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_LIBRARY: Final = re.compile(
    r"/(ld-(linux|musl)[^/]*|lib(c|m|dl|rt|util|pthread|z|expat|crypto|ssl|ffi|bz2|lzma|uuid|gcc_s|python3[^/]*)"
    r"(-[0-9.]+)?)\.so(\.[0-9.]+)?\Z"
)
_PROGRAM: Final = re.compile(r"/bin/python3(\.[0-9]+)?\Z")
_STANDARD: Final = re.compile(r"/lib/python3(\.[0-9]+)?/")
_LEFT_OUT: Final = re.compile(
    r"/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|__pycache__)/"
    r"|\.(a|o|opt-[12]\.pyc)\Z"
)
_LOADER: Final = re.compile(rb"\A\x7fELF.{0,16384}?(/[\x21-\x7e]{0,200}/ld-[\x21-\x7e]{1,100})\0", re.DOTALL)
_LARGEST: Final = 300 * 1024**2
"""Bytes of all parts, in memory while they are collected."""
_SECONDS: Final = 30
_ROOT: Final = "root"
_DESCRIPTION: Final = "interpreter.json"


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter as it is stored."""

    key: str
    python: str
    """The program's path in the image, with no link on the way."""
    loader: str
    libraries: tuple[str, ...]
    """Folders with shared libraries."""
    files: dict[str, bytes]
    """By path in the image."""


class _Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an unpacked interpreter, with paths in the image."""

    loader: str
    libraries: tuple[str, ...]
    python: str
    version: str = ""


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    folder: Path
    """An image root with the interpreter's parts."""
    loader: Path
    program: Path
    library_path: str
    home: Path
    python: str
    """The program's path in the image, with no link on the way."""
    version: str
    """`3.11.9`"""
    venv: str
    """The path of the environment in the image."""

    @property
    def command(self) -> list[str]:
        """Runs the program, with the arguments that follow and `environment`."""
        return [str(self.loader), "--library-path", self.library_path, str(self.program)]

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONHOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}


def interpreter_of(
    reference: Reference,
    base: Base,
    mirrors: Mapping[str, str],
    client: RegistryClient,
    store: LayerStore,
    cache: BuilderCache,
    *,
    inventory: Inventory | None = None,
    layers: Sequence[LayerBlob] = (),
) -> Interpreter:
    """Unpacks the interpreter of an image's environment, unless the cache has it.

    `inventory` and `layers` are the image's so far, if it is more than the base: its environment may be newer than the
    base, and the interpreter, too. For another architecture than this machine's, it is the one of the same index for
    this machine: byte code depends on the version alone. Raises NotExact without an interpreter that runs here.
    """
    known = Inventory.decode(base.facts.inventory)
    python = (inventory or known).resolve(PYTHON)
    system, _, rest = base.platform.partition("/")
    here = _ARCHITECTURES.get(machine.machine(), "")
    if rest.partition("/")[0] != here:
        try:
            sibling = resolve(reference, f"{system}/{here}", mirrors, client, store)
        except NotExact as error:
            raise NotExact(f"the interpreter for this machine: {error}") from None
        base, known = sibling, Inventory.decode(sibling.facts.inventory)
        inventory = None
    if inventory is not None and python not in known:
        return unpack(inventory, python, layers, store.cache, store, cache)
    return unpack(known, python, base.layers, Repository.parse(base.repository), store, cache)


def unpack(
    inventory: Inventory,
    python: str,
    layers: Sequence[LayerBlob],
    repository: Repository,
    store: LayerStore,
    cache: BuilderCache,
) -> Interpreter:
    """The interpreter at a path of an image, which `inventory` describes, unpacked. Raises NotExact."""
    entry = inventory.get(python)
    if entry is None or entry.kind != "file":
        raise NotExact(f"the image has no {python}")
    key = canonical.digest(("boatyard/interpreter/1", python, tuple(layer.digest for layer in layers)))

    def make(folder: Path) -> None:
        parts = _decoded(store.find_python(key) or b"")
        if parts is None or (parts.key, parts.python) != (key, python):
            parts = _collect(key, inventory, python, layers, repository, store)
            store.put_python(key, deflated(msgspec.msgpack.encode(parts)))
        _write(parts, folder / _ROOT)
        described = _described(parts)
        described = msgspec.structs.replace(described, version=_version(_placed(described, folder)))
        (folder / _DESCRIPTION).write_bytes(msgspec.json.encode(described))

    place = cache.kept("interpreter", key, make)
    return _placed(msgspec.json.decode((place / _DESCRIPTION).read_bytes(), type=_Described), place)


def _decoded(data: bytes) -> Parts | None:
    try:
        parts = msgspec.msgpack.decode(inflated(data), type=Parts) if data else None
    except (Undecodable, msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if parts is None or not all(is_plain(path) for path in (*parts.files, parts.python, parts.loader)):
        return None
    return parts


def _collect(
    key: str, inventory: Inventory, python: str, layers: Sequence[LayerBlob], repository: Repository, store: LayerStore
) -> Parts:
    total = 0

    def keep(entry: PathEntry) -> bool:
        nonlocal total
        if not _is_part(entry.path, python):
            return False
        total += entry.size
        if total > _LARGEST:
            raise NotExact(f"the interpreter has more than {_LARGEST:,} bytes")
        return True

    view, files = Inventory.empty(), dict[str, bytes]()
    for layer, path in downloaded(layers, repository, store.blobs):
        view, files = with_layer(view, files, layer, path, keep)
    for entry in inventory:
        # The names by which programs look for a library are links.
        if entry.kind in ("symlink", "hardlink") and _is_part(entry.path, python):
            real = inventory.resolve(entry.path if entry.kind == "symlink" else entry.target)
            if real in files:
                files[entry.path] = files[real]
    named = _LOADER.match(files.get(python, b""))
    if named is None:
        raise NotExact(f"{python} is not linked in a way that this can run")
    loader = inventory.resolve(named[1].decode())
    if loader not in files:
        raise NotExact(f"the image has no {named[1].decode()}")
    libraries = sorted({parent(path) for path in files if _LIBRARY.search(path)})
    return Parts(key=key, python=python, loader=loader, libraries=tuple(libraries), files=dict(sorted(files.items())))


def _is_part(path: str, python: str) -> bool:
    if path == python or _LIBRARY.search(path):
        return True
    if not path.startswith(join(parent(parent(python)), "lib/python3")):
        return False
    return bool(_STANDARD.search(path)) and not _LEFT_OUT.search(path)


def _write(parts: Parts, folder: Path) -> None:
    for path, data in parts.files.items():
        place = folder / path[1:]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            if path in (parts.python, parts.loader):
                place.chmod(0o755)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise NotExact(f"the image has {path} twice") from None


def _described(parts: Parts) -> _Described:
    return _Described(
        loader=parts.loader,
        libraries=(*parts.libraries, join(parent(parent(parts.python)), "lib")),
        python=parts.python,
    )


def _placed(described: _Described, place: Path) -> Interpreter:
    folder = place / _ROOT
    return Interpreter(
        folder=folder,
        loader=folder / described.loader[1:],
        program=folder / described.python[1:],
        library_path=":".join(str(folder / each[1:]) for each in described.libraries),
        home=folder / parent(parent(described.python))[1:],
        python=described.python,
        version=described.version,
        venv=VENV,
    )


def _version(made: Interpreter) -> str:
    """Runs it once with the modules that byte code needs."""
    script = "import compileall, json, platform, sysconfig; print(platform.python_version())"
    try:
        ran = subprocess.run(
            [*made.command, "-S", "-c", script],
            env=made.environment,
            cwd=made.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotExact(f"the image's interpreter does not run here ({type(error).__name__})") from None
    version = ran.stdout.decode("ascii", "replace").strip()
    if ran.returncode or not re.fullmatch(r"3\.[0-9]{1,2}\.[0-9]{1,2}[0-9a-z+]{0,8}", version):
        raise NotExact(f"the image's interpreter does not run here (exit code {ran.returncode})")
    return version
