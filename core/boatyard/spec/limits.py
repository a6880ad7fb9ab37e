"""Limits the size of a spec.

The types have the limits, so decoding refuses larger values before any work is done, and the OpenAPI document states
them. `check_amounts` checks sums over a whole spec. All limits are far above what real specs need, and low enough that
no spec costs more than a fraction of a second: `make fuzz` measures the largest ones.
"""

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from boatyard.errors import invalid

LAYERS: Final = 1_000
"""Most layers that are decoded; `limits.layers` of the settings limits how many are built."""
PACKAGES: Final = 5_000
"""Sum over all layers."""
PACKAGES_CHARACTERS: Final = 128 * 1024
"""Characters of all packages together. packaging takes 2 µs for each."""
ARGUMENTS_CHARACTERS: Final = 64 * 1024
"""Characters of all `extraArgs` together. shlex takes 2 µs for each."""
ENTRIES: Final = 10_000
"""Entries in all lists and tables of all layers: packages, commands, variables, secret mounts."""
CHARACTERS: Final = 512 * 1024
"""Characters of all texts of all layers."""

Image: TypeAlias = Annotated[str, Meta(max_length=512)]
"""A name has at most 255 characters, a tag 128, a digest 71."""
Version: TypeAlias = Annotated[str, Meta(max_length=16)]
Platforms: TypeAlias = Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=16)]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
Path: TypeAlias = Annotated[str, Meta(max_length=4_096)]
Url: TypeAlias = Annotated[str, Meta(max_length=2_048)]
Urls: TypeAlias = Annotated[tuple[Url, ...], Meta(max_length=32)]
Arguments: TypeAlias = Annotated[str, Meta(max_length=16_384)]
Packages: TypeAlias = Annotated[tuple[Annotated[str, Meta(max_length=4_096)], ...], Meta(max_length=2_000)]
Text: TypeAlias = Annotated[str, Meta(max_length=65_536)]
CommandLines: TypeAlias = Annotated[tuple[Text, ...], Meta(max_length=500)]
Variables: TypeAlias = Annotated[dict[Name, Text], Meta(max_length=1_000)]

_Item = TypeVar("_Item")
UpTo64: TypeAlias = Annotated[tuple[_Item, ...], Meta(max_length=64)]
UpTo1000: TypeAlias = Annotated[tuple[_Item, ...], Meta(max_length=LAYERS)]


def check_amounts(layers: tuple[msgspec.Struct, ...], *, field: str) -> None:
    """Raises INVALID_SPEC with the limit that the layers exceed together."""
    packages = package_characters = argument_characters = characters = entries = 0
    for layer in layers:
        for name, value in _fields(layer):
            if isinstance(value, str):
                characters += len(value)
                argument_characters += len(value) if name == "extra_args" else 0
                continue
            entries += len(value)
            length = sum(map(len, value))
            characters += length
            if name == "packages":
                packages += len(value)
                package_characters += length
    for amount, most, what in (
        (packages, PACKAGES, "packages"),
        (package_characters, PACKAGES_CHARACTERS, "characters of packages"),
        (argument_characters, ARGUMENTS_CHARACTERS, "characters of extraArgs"),
        (characters, CHARACTERS, "characters"),
        (entries, ENTRIES, "entries"),
    ):
        if amount > most:
            raise invalid(
                f"has {amount:,} {what} in all its layers; at most {most:,} are read. Put long lists and scripts into "
                "files of the context",
                field=f"{field}.layers",
            )


def _fields(message: msgspec.Struct) -> list[tuple[str, "str | tuple[str, ...]"]]:
    """The texts of a layer, its options and its secrets, by name, without other fields."""
    found: list[tuple[str, str | tuple[str, ...]]] = []
    for name in message.__struct_fields__:
        match getattr(message, name):
            case str() as text:
                found.append((name, text))
            case msgspec.Struct() as inner:
                found += _fields(inner)
            case dict() as table:
                found += [(name, tuple(table)), (name, "".join(table.values()))]
            case (str(), *_) as words:
                found.append((name, words))
            case (msgspec.Struct(), *_) as messages:
                found += [pair for inner in messages for pair in _fields(inner)]
                found.append((name, ("",) * len(messages)))
    return found
