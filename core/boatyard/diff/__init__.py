"""Explains in terms of the SDK why two images have different keys. Empty if and only if the keys are equal."""

import difflib
from collections.abc import Iterator

import msgspec

from boatyard.diff.files import count, file_changes, tree_of
from boatyard.diff.layers import layer_differences
from boatyard.diff.model import Difference, FileChange, Side

__all__ = ["Difference", "FileChange", "Side", "differences"]


def differences(before: Side, after: Side) -> tuple[Difference, ...]:
    """All differences, in the order in which an image is built."""
    return (
        *_ground(before, after),
        *_dockerfile(before, after),
        *layer_differences(before, after),
        *_output(before, after),
    )


def _ground(before: Side, after: Side) -> Iterator[Difference]:
    pairs = (
        ("base image", before.ground.base_image, after.ground.base_image),
        ("registry secret", before.ground.registry_secret, after.ground.registry_secret),
        ("python", before.spec.python_version, after.spec.python_version),
        ("platforms", _platforms(before), _platforms(after)),
        ("uv", before.ground.uv_image, after.ground.uv_image),
    )
    for what, old, new in pairs:
        if old != new:
            text = f"{what}: {old or 'none'} → {new or 'none'}"
            yield Difference(what=what, text=text, before=old, after=new)  # type: ignore[arg-type]  # from the table


def _dockerfile(before: Side, after: Side) -> Iterator[Difference]:
    old, new = before.spec.dockerfile, after.spec.dockerfile
    if bool(old) != bool(new):
        kinds = ("a Dockerfile", "layers")
        first, second = kinds if old else kinds[::-1]
        yield Difference(what="dockerfile", text=f"{first} → {second}", before=first, after=second)
        return
    if old != new:
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
        details = tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))
        yield Difference(
            what="dockerfile",
            text="the Dockerfile's text differs",
            details=details or ("line ends or blanks at its end",),
        )
    if before.spec.dockerfile_encoding != after.spec.dockerfile_encoding:
        yield Difference(what="dockerfile", text="the Dockerfile's bytes differ: one of them is no UTF-8")
    yield from _dockerfile_options(before, after)
    if old and new and tree_of(".", before) != tree_of(".", after):
        files = file_changes(".", before, after)
        yield Difference(what="files", text=f"the context's files differ{count(files)}", files=files)


def _dockerfile_options(before: Side, after: Side) -> Iterator[Difference]:
    old, new = before.spec.build_args, after.spec.build_args
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            how = "is new" if name not in old else "was removed" if name not in new else "has another value"
            yield Difference(what="dockerfile", text=f"build argument {name} {how}")
    pairs = (
        ("target stage", before.spec.target_stage, after.spec.target_stage),
        ("images", _replaced(before), _replaced(after)),
        ("secrets", ", ".join(before.ground.secrets), ", ".join(after.ground.secrets)),
    )
    for what, first, second in pairs:
        if first != second:
            text = f"{what}: {first or 'none'} → {second or 'none'}"
            yield Difference(what="dockerfile", text=text, before=first, after=second)


def _replaced(side: Side) -> str:
    return ", ".join(f"{image} is {reference}" for image, reference in side.ground.replaced)


def _output(before: Side, after: Side) -> Iterator[Difference]:
    old, new = before.ground.output, after.ground.output
    for info in msgspec.structs.fields(old):
        first, second = getattr(old, info.name), getattr(new, info.name)
        if first != second:
            text = f"output.{info.encode_name}: {first} → {second}"
            yield Difference(what="output", text=text, before=str(first), after=str(second))


def _platforms(side: Side) -> str:
    return ", ".join(sorted(set(side.ground.platforms)))
