"""Unpacks the interpreter of an image's environment on this machine, once for many jobs."""

import platform as machine
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from boatyard import canonical
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import deflated
from boatyard_layers.base import resolve
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter, asked
from boatyard_layers.interpreter_artifact import Parts, collect, decode_parts, identity_of, write_parts
from boatyard_layers.interpreter_parts import same_library
from boatyard_layers.inventory import Inventory, join, parent
from boatyard_layers.model import PYTHON, VENV, Base, LayerBlob
from boatyard_layers.sandbox.programs import can_confine
from boatyard_layers.store import LayerStore
from boatyard_registry.client import RegistryClient

_ARCHITECTURES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ROOT: Final = "root"
_KIND: Final = "interpreter-3"
"""In the cache."""
_DESCRIPTION: Final = "interpreter.json"
NO_SANDBOX: Final = (
    "this machine's kernel has no Landlock to confine the base's interpreter. If you trust whoever publishes the base,"
    " name its repository in the settings' trustedBases"
)


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
        parts = decode_parts(store.find_python(key) or b"")
        if parts is None or (parts.key, parts.python) != (key, python):
            parts = collect(key, inventory, python, layers, repository, store)
            store.put_python(key, deflated(msgspec.msgpack.encode(parts)))
        write_parts(parts, folder / _ROOT)
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


def _described(parts: Parts) -> _Described:
    return _Described(
        loader=parts.loader,
        libraries=(*parts.libraries, join(parent(parent(parts.python)), "lib")),
        python=parts.python,
        files=identity_of(parts),
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
