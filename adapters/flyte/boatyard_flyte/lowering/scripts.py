"""Lowers uv scripts (PEP 723), with everything in the inline metadata that `uv run` uses.

A script that only lists packages becomes pipPackages, as in flyte. A script with a [tool.uv] table, or with a lock or a
uv.toml beside it, becomes a uvScript: the context has its metadata without its code, and uv itself reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from boatyard import toml
from boatyard.errors import invalid
from boatyard.spec import AptPackages, Layer, PipPackages, UVProject, UVScript
from boatyard_flyte import sdk
from boatyard_flyte.lowering.arguments import shipped
from boatyard_flyte.lowering.image_so_far import ImageSoFar
from boatyard_flyte.lowering.local_files import LocalFiles, looks_local
from boatyard_flyte.lowering.packages import options
from boatyard_flyte.lowering.projects import script_tree, uv_tree
from boatyard_flyte.lowering.projects.pyproject import direct_reference, strings
from boatyard_flyte.lowering.requirements_file import text_of
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_BLOCK: Final = re.compile(r"(?m)^# /// script[ \t]*$\s(?P<content>(?:^#(?:| .*)$\s)+)^# ///[ \t]*$")
_FILE: Final = "file://"


@dataclass(frozen=True)
class Header:
    block: str
    """The comment itself, as uv reads it."""
    data: dict[str, Any]

    @property
    def dependencies(self) -> list[str]:
        return strings(self.data.get("dependencies"))

    @property
    def has_settings(self) -> bool:
        tool = self.data.get("tool")
        return isinstance(tool, dict) and bool(tool.get("uv"))


def script(layer: sdk.UVScript, sources: Sources, image: ImageSoFar) -> Iterator[Layer]:
    call = f"from_uv_script({layer.script.name!r})"
    file = existing(layer.script, call)
    header = _header(file, call)
    _check_python(header, image.python, call)
    lock = file.with_name(f"{file.name}.lock")
    projects = [text for text in header.dependencies if _FILE in text]
    relative = any(looks_local(direct_reference(text)) for text in header.dependencies if _FILE not in text)
    if header.has_settings or relative or lock.is_file() or (file.parent / "uv.toml").is_file():
        if projects:
            raise invalid(
                f"{call}: {projects[0]!r} names a local path; require the package by its name, and set its path "
                'relative to the script: [tool.uv.sources] app = { path = "../app" }'
            )
        yield _by_uv(layer, file, header, lock if lock.is_file() else None, sources, image, call)
        return
    yield from _by_pip(layer, header, sources, image, call)


def _by_uv(
    layer: sdk.UVScript, file: Path, header: Header, lock: Path | None, sources: Sources, image: ImageSoFar, call: str
) -> UVScript:
    secrets = mounts(layer.secret_mounts, call)
    wanted = image.wanted(call, secrets, whole=False)
    tree = script_tree(file.parent, header.data, wanted)
    name = tree.main / "script.py"
    tree.files[name] = f"{header.block}\n".encode()
    if lock:
        tree.files[name.with_name("script.py.lock")] = lock
    number = sources.place()
    placed = tree.put(sources, number)
    made = options(layer)
    local = LocalFiles(sources, wanted, below=f"{number}/_local", step=placed.path(tree.main))
    return UVScript(
        script=placed.path(name),
        lock=f"{placed.path(name)}.lock" if lock else "",
        options=msgspec.structs.replace(made, extra_args=shipped(made.extra_args, local, near=tree.main)),
        secret_mounts=secrets,
        source_dir=number,
    )


def _by_pip(layer: sdk.UVScript, header: Header, sources: Sources, image: ImageSoFar, call: str) -> Iterator[Layer]:
    """Installs the script's requirements; then, if it names projects by file://, git and each project."""
    pip = options(layer)
    secrets = mounts(layer.secret_mounts, call)
    requirements = tuple(text for text in header.dependencies if _FILE not in text)
    projects = [text.rpartition(_FILE)[2] for text in header.dependencies if _FILE in text]
    if requirements:
        yield PipPackages(packages=requirements, options=pip, secret_mounts=secrets)
    if projects:
        yield AptPackages(packages=("git",))  # to find a project's version in its history
    for name in projects:
        pyproject = existing(existing(Path(name), call, folder=True) / "pyproject.toml", call)
        tree = uv_tree(pyproject, image.wanted(call, secrets, whole=True))
        number = sources.place()
        placed = tree.put(sources, number)
        locks = [place for place in tree.files if place.name == "uv.lock"]
        yield UVProject(
            pyproject=placed.path(tree.main),
            uvlock=placed.path(locks[0]) if locks else "",
            options=pip,
            secret_mounts=secrets,
            source_dir=number,
        )


def _header(file: Path, call: str) -> Header:
    blocks = list(_BLOCK.finditer(text_of(file, call).replace("\r\n", "\n") + "\n"))
    if len(blocks) != 1:
        many = "has several" if blocks else "has no"
        raise invalid(f"{call}: {file.name!r} {many} `# /// script` block, as uv's scripts have one")
    lines = (line[2:] if line.startswith("# ") else line[1:] for line in blocks[0]["content"].splitlines())
    try:
        return Header(blocks[0][0], toml.loads("\n".join(lines)))
    except (toml.TOMLDecodeError, RecursionError) as error:
        raise invalid(f"{call}: the `# /// script` block of {file.name!r} is not TOML: {error}") from None


def _check_python(header: Header, python: tuple[int, int], call: str) -> None:
    """Checks the script's requires-python, which uv ignores as long as the packages allow the image's Python."""
    wanted = header.data.get("requires-python")
    if not isinstance(wanted, str):
        return
    try:
        specifiers = SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise invalid(f"{call}: requires-python: {error}") from None
    if _fits(specifiers, python):
        return
    fitting = next((minor for minor in range(8, 30) if _fits(specifiers, (3, minor))), None)
    advice = f"use from_uv_script(…, python_version=(3, {fitting}))" if fitting else "no Python 3 has it"
    version = ".".join(map(str, python))
    raise invalid(f"{call}: the script requires Python {wanted}, and the image has {version}; {advice}")


def _fits(specifiers: SpecifierSet, python: tuple[int, int]) -> bool:
    """Whether any release of a minor version fits, since the base image decides which one is used."""
    return any(specifiers.contains(f"{python[0]}.{python[1]}.{patch}") for patch in range(60))
