"""The interpreter of an image's environment, on this machine: for byte code, and for uv's questions.

Only what it needs is unpacked: the program, its loader, the shared libraries that Python links, and the standard
library. It is run by its own loader, so the machine needs no Python, and no C library that fits. The parts are an
artifact of their own, so another machine does not read the base's layers for them.

It is a program of whoever made the base. It runs in a sandbox, and what it answers is parsed as from outside.
"""

import hashlib
import platform as machine
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard import canonical
from boatyard.decoding import Undecodable
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import deflated, inflated
from boatyard_layers.base import downloaded, resolve, with_layer
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter_parts import LIBRARY, is_part, same_library
from boatyard_layers.inventory import Inventory, is_plain, join, parent
from boatyard_layers.model import PYTHON, VENV, Base, LayerBlob, PathEntry
from boatyard_layers.sandbox.enter import FAILED
from boatyard_layers.sandbox.programs import Confined, Program, can_confine, running
from boatyard_layers.store import LayerStore
from boatyard_registry.client import RegistryClient

_ARCHITECTURES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_LOADER: Final = re.compile(rb"\A\x7fELF.{0,16384}?(/[\x21-\x7e]{0,200}/ld-[\x21-\x7e]{1,100})\0", re.DOTALL)
_LARGEST: Final = 300 * 1024**2
"""Bytes of all parts, in memory while they are collected."""
_SECONDS: Final = 30
_ROOT: Final = "root"
_KIND: Final = "interpreter-3"
"""In the cache."""
_DESCRIPTION: Final = "interpreter.json"
_LONGEST_ANSWER: Final = 200
NO_SANDBOX: Final = (
    "this machine's kernel has no Landlock to confine the base's interpreter. If you trust whoever publishes the base,"
    " name its repository in the settings' trustedBases"
)
_MOST_SECONDS: Final = 1_200
"""Of a processor, for byte code."""
_ANSWER: Final = re.compile(
    r"(?P<version>3\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:a|b|rc)[0-9]{1,2})?)\+? (?P<tag>cpython-3[0-9]{1,2})"
    r" (?:(?P<libc>2\.[0-9]{1,3})(?:\.[0-9]{1,3})?|other) (?P<layout>usual|other)\n"
)
_QUESTION: Final = """\
import json, os, platform, py_compile, struct, sys, sysconfig
if struct.calcsize("P") != 8 or sysconfig.get_config_var("Py_GIL_DISABLED") or hasattr(sys, "gettotalrefcount"):
    sys.exit(3)
try:
    name, libc = os.confstr("CS_GNU_LIBC_VERSION").split()
except (ValueError, AttributeError):
    name, libc = "", ""
scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
at = {"base": "", "platbase": ""}
places = [sysconfig.get_path(place, scheme, at) for place in ("purelib", "platlib", "scripts")]
site = "/lib/python%d.%d/site-packages" % sys.version_info[:2]
standalone = sysconfig.get_config_var("prefix") == "/install" or sysconfig.get_config_var("PYTHON_BUILD_STANDALONE")
layout = "usual" if places == [site, site, "/bin"] and not standalone and sys.version_info >= (3, 10) else "other"
print(platform.python_version(), sys.implementation.cache_tag, libc if name == "glibc" else "other", layout)
"""
"""With the modules that byte code needs."""


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
    files: str
    """The identity of all."""
    version: str = ""
    libc: str = ""
    usual: bool = False


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
    libc: str
    """Of glibc, `2_36`; empty for other C libraries."""
    usual: bool
    """Its environments have packages in `lib/python3.X/site-packages`, and uv makes them as for a Python of a
    distribution."""
    venv: str
    """The path of the environment in the image."""
    identity: str
    """Of its files. Empty if its image is trusted: byte code of all of these is the same."""
    check: Callable[[], None] = lambda: None
    """Called while it runs; raises if the job should end."""

    @property
    def minor(self) -> str:
        """`3.11`"""
        return ".".join(self.version.split(".")[:2])

    @property
    def command(self) -> list[str]:
        """Runs the program, with the arguments that follow and `environment`."""
        return [str(self.loader), "--library-path", self.library_path, str(self.program)]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PYTHONHOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
        }

    def running(
        self, script: str, stdin: IO[bytes] | None, stdout: IO[bytes], most: int, readable: Sequence[Path] = ()
    ) -> AbstractContextManager[Program]:
        """Runs a script that writes at most so many bytes to a file and reads what is below the folders."""
        return running(
            [*self.command, "-s", "-S", "-B", "-W", "ignore", "-c", script],
            environment=self.environment,
            folder=self.folder,
            stdin=stdin,
            stdout=stdout,
            confined=Confined(
                readable=(str(self.folder), *map(str, readable)),
                strict=bool(self.identity),
                output=most,
                seconds=_MOST_SECONDS,
            ),
        )


def interpreter_of(
    reference: Reference,
    base: Base,
    mirrors: Mapping[str, str],
    client: RegistryClient,
    store: LayerStore,
    cache: BuilderCache,
    *,
    python: str = "",
    inventory: Inventory | None = None,
    layers: Sequence[LayerBlob] = (),
    trusted: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Interpreter:
    """Unpacks the interpreter of an image's environment, unless the cache has it; or the one at the path `python`.

    `inventory` and `layers` are the image's so far, if it is more than the base: its environment may be newer than the
    base, and the interpreter, too. For another architecture than this machine's, it is the one of the same index for
    this machine: byte code depends on the version alone, and that has to be the same. Raises NotExact without an
    interpreter that runs here.
    """
    known = Inventory.decode(base.facts.inventory)
    python = python or (inventory or known).resolve(PYTHON)
    system, _, rest = base.platform.partition("/")
    here = _ARCHITECTURES.get(machine.machine(), "")
    if rest.partition("/")[0] != here:
        try:
            sibling = resolve(reference, f"{system}/{here}", mirrors, client, store)
        except NotExact as error:
            raise NotExact(f"the interpreter for this machine: {error}") from None
        theirs = Inventory.decode(sibling.facts.inventory)
        if not same_library(python, inventory or known, theirs):
            raise NotExact(f"the image for this machine has another version of {python}")
        base, known, inventory = sibling, theirs, None
    if inventory is not None and python not in known:
        return unpack(inventory, python, layers, store.cache, store, cache, check=check)
    repository = Repository.parse(base.repository)
    return unpack(known, python, base.layers, repository, store, cache, trusted=trusted, check=check)


def unpack(
    inventory: Inventory,
    python: str,
    layers: Sequence[LayerBlob],
    repository: Repository,
    store: LayerStore,
    cache: BuilderCache,
    *,
    trusted: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Interpreter:
    """The interpreter at a path of an image, which `inventory` describes, unpacked. Raises NotExact."""
    if not trusted and not can_confine():
        raise NotExact(NO_SANDBOX)
    entry = inventory.get(python)
    if entry is None or entry.kind != "file":
        raise NotExact(f"the image has no {python}")
    key = _key(python, layers)

    def make(folder: Path) -> None:
        parts = _decoded(store.find_python(key) or b"")
        if parts is None or (parts.key, parts.python) != (key, python):
            parts = _collect(key, inventory, python, layers, repository, store)
            store.put_python(key, deflated(msgspec.msgpack.encode(parts)))
        _write(parts, folder / _ROOT)
        described = _described(parts)
        asked_one = asked(_placed(described, folder, trusted, check))
        described = msgspec.structs.replace(
            described, version=asked_one.version, libc=asked_one.libc, usual=asked_one.usual
        )
        (folder / _DESCRIPTION).write_bytes(msgspec.json.encode(described))

    return _read(cache.kept(_KIND, key, make), trusted, check)


def unpacked_before(
    python: str,
    layers: Sequence[LayerBlob],
    cache: BuilderCache,
    *,
    trusted: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Interpreter | None:
    """The interpreter at this path in an image of these layers, if the cache has it. Raises NotExact."""
    place = cache.found(_KIND, _key(python, layers))
    if place is None:
        return None
    if not trusted and not can_confine():
        raise NotExact(NO_SANDBOX)
    return _read(place, trusted, check)


def _key(python: str, layers: Sequence[LayerBlob]) -> str:
    return canonical.digest(("boatyard/interpreter/1", python, tuple(layer.digest for layer in layers)))


def _read(place: Path, trusted: bool, check: Callable[[], None]) -> Interpreter:
    described = msgspec.json.decode((place / _DESCRIPTION).read_bytes(), type=_Described)
    return _placed(described, place, trusted, check)


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
        if not is_part(entry.path, python):
            return False
        total += entry.size
        if total > _LARGEST:
            raise NotExact(f"the interpreter has more than {_LARGEST:,} bytes")
        return True

    known = store.take_files([layer.digest for layer in layers])
    if known is not None and python in known:
        files = {path: data for path, data in known.items() if keep(PathEntry(path=path, size=len(data)))}
    else:
        view, files = Inventory.empty(), dict[str, bytes]()
        for layer, path in downloaded(layers, repository, store.blobs):
            view, files = with_layer(view, files, layer, path, keep)
    for entry in inventory:
        # The names by which programs look for a library are links.
        if entry.kind in ("symlink", "hardlink") and is_part(entry.path, python):
            real = inventory.resolve(entry.path if entry.kind == "symlink" else entry.target)
            if real in files:
                files[entry.path] = files[real]
    named = _LOADER.match(files.get(python, b""))
    if named is None:
        raise NotExact(f"{python} is not linked in a way that this can run")
    loader = inventory.resolve(named[1].decode())
    if loader not in files:
        raise NotExact(f"the image has no {named[1].decode()}")
    libraries = sorted({parent(path) for path in files if LIBRARY.search(path)})
    return Parts(key=key, python=python, loader=loader, libraries=tuple(libraries), files=dict(sorted(files.items())))


def _identity(parts: Parts) -> str:
    files = sorted((path, hashlib.sha256(data).digest()) for path, data in parts.files.items())
    return canonical.digest(("boatyard/interpreter/files/1", tuple(files)))


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
        files=_identity(parts),
    )


def _placed(described: _Described, place: Path, trusted: bool, check: Callable[[], None]) -> Interpreter:
    folder = place / _ROOT
    return Interpreter(
        folder=folder,
        loader=folder / described.loader[1:],
        program=folder / described.python[1:],
        library_path=":".join(str(folder / each[1:]) for each in described.libraries),
        home=folder / parent(parent(described.python))[1:],
        python=described.python,
        version=described.version,
        libc=described.libc,
        usual=described.usual,
        venv=VENV,
        identity="" if trusted else described.files,
        check=check,
    )


def asked(made: Interpreter) -> Interpreter:
    """With its version, its C library and its layout, which it says itself. Raises NotExact."""
    with tempfile.TemporaryFile() as output:
        try:
            with made.running(_QUESTION, None, output, _LONGEST_ANSWER) as program:
                code = program.wait(_SECONDS, made.check)
        except OSError as error:
            raise NotExact(f"the image's interpreter does not run here ({type(error).__name__})") from None
        output.seek(0)
        answer = _ANSWER.fullmatch(output.read(_LONGEST_ANSWER).decode("ascii", "replace"))
    if code == FAILED:
        raise NotExact("the image's interpreter cannot be confined here")
    if code or answer is None or answer["tag"] != f"cpython-{''.join(answer['version'].split('.')[:2])}":
        raise NotExact(f"the image's interpreter does not run here (exit code {code})")
    return msgspec.structs.replace(
        made,
        version=answer["version"],
        libc=(answer["libc"] or "").replace(".", "_"),
        usual=answer["layout"] == "usual",
    )
