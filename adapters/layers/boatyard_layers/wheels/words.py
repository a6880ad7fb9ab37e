"""The arguments of uv for a layer: those of the Dockerfile, as far as they mean the same outside of the image."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from boatyard.spec import Layer, PipOptions, PipPackages, PythonWheels, Requirements, Secret
from boatyard_layers.errors import NotExact

WheelsLayer: TypeAlias = PipPackages | Requirements | PythonWheels

_FLAGS: Final = frozenset(
    {
        "--upgrade",
        "-U",
        "--no-deps",
        "--pre",
        "--no-index",
        "--reinstall",
        "--force-reinstall",
        "--require-hashes",
    }
)
_HASH: Final = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})\b")
_QUIET: Final = frozenset({"--quiet", "-q", "--verbose", "-v", "--no-progress", "--no-cache", "-n"})
"""What these change is not in the image."""
_INDEXES: Final = {
    "--default-index": "UV_DEFAULT_INDEX",
    "--extra-index-url": "UV_EXTRA_INDEX_URL",
    "--index": "UV_INDEX",
    "--index-url": "UV_INDEX_URL",
    "-i": "UV_INDEX_URL",
}
"""Variables of the options that name an index."""
_VALUES: Final = frozenset(
    {
        "--exclude-newer",
        "--index-strategy",
        "--prerelease",
        "--reinstall-package",
        "--resolution",
        "--upgrade-package",
        "-P",
    }
)
_LOCAL: Final = re.compile(r"\A(?:\.|/|~)|://|\s@\s|\[.*\]\s*@|@\s*file:|\.whl\b|\.tar\.gz\b|\.zip\b")
_REFERENCE: Final = re.compile(r"\$\{?[A-Za-z_]")
_URL_LINE: Final = re.compile(r"^[^#]*(?:://|@\s*file:|\$\{)")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What `uv pip install` gets for a layer."""

    options: tuple[str, ...] = ()
    """Of the resolution alone."""
    sources: tuple[str, ...] = ()
    """Where wheels come from: also needed to lock and to install what was resolved."""
    requirements: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    """The layer's indexes. They are no arguments, because other processes may read those."""
    hashes: frozenset[str] = frozenset()
    """SHA-256 of the wheels that the requirements allow; empty if they say nothing."""
    exactly: str = ""
    """A distribution of which the wheel among the sources is installed, even if there is the same version."""


def words(layer: Layer, context: Path, secrets: Mapping[str, str]) -> Words:
    """Raises NotExact for a layer whose requirements or options refer to what only the image has, or to sources.

    `secrets` has the values of the layer's secrets by the name of the variable.
    """
    hashes: frozenset[str] = frozenset()
    refuse_secret_files(getattr(layer, "secret_mounts", ()))
    match layer:
        case PipPackages():
            if layer.source_dir:
                raise NotExact("it installs from a folder")
            for package in layer.packages:
                if _LOCAL.search(package) or "$" in package or package.startswith("-"):
                    raise NotExact("a package is given by its path or address")
            requirements = ("--", *layer.packages)
        case Requirements():
            if layer.source_dir:
                raise NotExact("its requirements file refers to other files")
            file = context_path(context, layer.file)
            hashes = _checked_file(file)
            requirements = ("--requirement", str(file))
        case PythonWheels():
            requirements = ("--", layer.package_name)
        case _:
            raise NotExact(f"{type(layer).__name__} is installed by its own tool")
    options, sources, named = _options(layer.options)
    if isinstance(layer, PythonWheels):
        sources += ("--find-links", str(context_path(context, layer.dir)))
    return Words(
        options=options,
        sources=sources,
        requirements=requirements,
        hashes=hashes,
        variables=_joined(indexes(layer.options, layer.secret_mounts, secrets), named),
        exactly=layer.package_name if isinstance(layer, PythonWheels) else "",
    )


def context_path(context: Path, path: str) -> Path:
    """A path of the context, which may be hostile: a link in it must not lead to the job's own files."""
    found = (context / path).resolve()
    if not found.exists() or not found.is_relative_to(context.resolve()):
        raise NotExact(f"the context has no {path}")
    return found


def _checked_file(file: Path) -> frozenset[str]:
    """The hashes of a file of plain requirements."""
    contents = file.read_text(encoding="utf-8", errors="replace")
    for line in contents.splitlines():
        text = line.strip()
        if text.startswith("-") and not text.startswith("--hash="):
            raise NotExact("its requirements file has options")
        if text and not text.startswith("#") and (_URL_LINE.search(text) or _LOCAL.search(text)):
            raise NotExact("a requirement is given by its path or address")
    if contents.count("--hash") != len(_HASH.findall(contents)):
        raise NotExact("its requirements file has other hashes than SHA-256")
    return frozenset(_HASH.findall(contents))


def _joined(ours: dict[str, str], named: dict[str, str]) -> dict[str, str]:
    """The indexes of the layer's fields and of its options together."""
    both = sorted(ours.keys() & named.keys())
    if both and both != ["UV_EXTRA_INDEX_URL"]:
        raise NotExact("it names its index twice")
    return {**ours, **named, **{name: f"{ours[name]} {named[name]}" for name in both}}


def _options(options: PipOptions) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    found: list[str] = ["--pre"] if options.pre else []
    sources: list[str] = []
    named: dict[str, str] = {}
    try:
        left = shlex.split(options.extra_args)
    except ValueError:
        raise NotExact("its options cannot be split into words") from None
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if _REFERENCE.search(word):
            raise NotExact("an option refers to a variable")
        if word in _FLAGS:
            (sources if word == "--no-index" else found).append(word)
        elif name in _VALUES and (equals or left):
            both = [name, value if equals else left.pop(0)]
            if _REFERENCE.search(both[1]):
                raise NotExact("an option refers to a variable")
            (sources if name in ("--index-strategy", "--exclude-newer") else found).extend(both)
        elif name in _INDEXES and (equals or left):
            _name_index(named, _INDEXES[name], value if equals else left.pop(0))
        elif word in _QUIET:
            continue
        else:
            raise NotExact(f"uv has the option {name}")
    return tuple(found), tuple(sources), named


def _name_index(named: dict[str, str], variable: str, value: str) -> None:
    if not re.match(r"(?:[A-Za-z0-9_.-]+=)?https?://[^\s$]+\Z", value):
        raise NotExact("an index is not an HTTP address, or refers to a variable")
    if variable in named and variable not in ("UV_EXTRA_INDEX_URL", "UV_INDEX"):
        raise NotExact("it names its index twice")
    named[variable] = f"{named[variable]} {value}" if variable in named else value


def refuse_secret_files(mounts: tuple[Secret, ...]) -> None:
    if any(secret.mount_path for secret in mounts):
        raise NotExact("a secret is a file of the step")


def has_reference(word: str) -> bool:
    """Whether a shell, or a Dockerfile, would put the value of a variable into it."""
    return bool(_REFERENCE.search(word))


def indexes(options: PipOptions, mounts: tuple[Secret, ...], secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables of uv for the indexes that a layer names. Raises NotExact for what is no HTTP address."""
    names = {secret.environment_name for secret in mounts} - {""}
    found: dict[str, str] = {}
    if options.index_url:
        found["UV_INDEX_URL"] = _expanded(options.index_url, names, secrets)
    if options.extra_index_urls:
        found["UV_EXTRA_INDEX_URL"] = " ".join(_expanded(url, names, secrets) for url in options.extra_index_urls)
    if any(not url.startswith(("https://", "http://")) for text in found.values() for url in text.split(" ")):
        raise NotExact("an index is not an HTTP address")
    return found


def _expanded(text: str, names: set[str], secrets: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in names:
            return found[0]
        if name not in secrets:
            raise NotExact(f"the secret {name} is not known here")
        return secrets[name]

    return re.sub(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", value, text)
