"""Lowers copied files: single files, folders, and the code bundle."""

from collections.abc import Sequence
from pathlib import Path

from boatyard.errors import invalid
from boatyard.spec import CopyConfig
from boatyard_flyte import sdk
from boatyard_flyte.lowering.ignore import FlyteIgnore
from boatyard_flyte.lowering.sources import Sources, copyable, existing

_FILE = 0


def copy(layer: sdk.CopyConfig, sources: Sources, ignored: Sequence[str]) -> CopyConfig:
    dst = str(layer.dst)
    if dst == f"./{layer.src.name}":
        # The SDK derived it from the folder's name, where a dollar sign is not a variable.
        dst = dst.replace("$", "\\$")
    if layer.path_type == _FILE:
        return _file(layer.src, dst, sources)
    call = f"with_source_folder({layer.src.name!r})"
    folder = existing(layer.src, call, folder=True)
    ignore = FlyteIgnore(ignored)
    if ignore.leaves_nothing(folder):
        raise invalid(f"{call}: the folder has no file, or all of them are ignored")
    return CopyConfig(src=sources.put(sources.place("files"), folder, ignore), dst=dst)


def _file(src: Path, dst: str, sources: Sources) -> CopyConfig:
    call = f"with_source_file({src.name!r})"
    file = existing(src, call)
    place = sources.place()
    path = sources.put(f"{place}/{file.name}", file)
    if copyable(file.name):
        return CopyConfig(src=path, dst=dst)
    # COPY cannot express such a name, but it can copy a folder that contains only this file.
    if dst == "." or dst.endswith(("/", "/.")):
        return CopyConfig(src=place, dst=dst)
    raise invalid(f"{call}: for a file with such a name, dst must be a folder: end it with /")


def code_bundle(layer: sdk.CodeBundleLayer, sources: Sources) -> CopyConfig:
    """Copies the files that the SDK would put into a code bundle, below the root directory."""
    if layer.root_dir is None:
        raise invalid(
            "with_code_bundle: the SDK did not set the folder to copy from; it does in "
            "`flyte build --copy-style none`, and in a deploy or run with copy_style='none'"
        )
    root = layer.root_dir.resolve()
    found = sorted(sdk.loaded_files(root, layer.copy_style))
    if not found:
        raise invalid(f"with_code_bundle: no imported module is below {root.name!r}")
    place = sources.place("code")
    for file in found:
        sources.put(f"{place}/{file.relative_to(root).as_posix()}", file)
    return CopyConfig(src=place, dst=str(layer.dst))
