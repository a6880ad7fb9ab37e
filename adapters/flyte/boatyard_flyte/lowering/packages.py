"""Lowers packages: pip, requirements files, wheels and apt."""

import msgspec

from boatyard.errors import invalid
from boatyard.spec import AptPackages, PipOptions, PipPackages, PythonWheels, Requirements
from boatyard_flyte import sdk
from boatyard_flyte.lowering.arguments import shipped
from boatyard_flyte.lowering.image_so_far import ImageSoFar
from boatyard_flyte.lowering.local_files import LocalFiles
from boatyard_flyte.lowering.requirements_file import local_requirement, written_out
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing


def options(layer: sdk.PipOption) -> PipOptions:
    """The pip options of a layer."""
    return PipOptions(
        index_url=layer.index_url or "",
        extra_index_urls=tuple(layer.extra_index_urls or ()),
        pre=bool(layer.pre),
        extra_args=(layer.extra_args or "").strip(),
    )


def apt(layer: sdk.AptPackages) -> AptPackages:
    return AptPackages(packages=tuple(layer.packages), secret_mounts=mounts(layer.secret_mounts, "with_apt_packages"))


def pip(layer: sdk.PipPackages, sources: Sources, image: ImageSoFar) -> PipPackages:
    """Lowers packages by name or URL, and adds local wheels and projects to the context."""
    given = tuple(layer.packages or ())
    secrets = mounts(layer.secret_mounts, "with_pip_packages")
    local = LocalFiles(sources, image.wanted("with_pip_packages", secrets, whole=True))
    made = options(layer)
    return PipPackages(
        packages=tuple(_package(package, local) for package in given),
        options=msgspec.structs.replace(made, extra_args=shipped(made.extra_args, local)),
        secret_mounts=secrets,
        source_dir=local.folder,
    )


def _package(package: str, local: LocalFiles) -> str:
    text = package.strip()
    option, _, value = text.partition(" ") if not text.startswith("--") or "=" not in text else text.partition("=")
    value = value.strip()
    call = local.wanted.call
    if option in ("-r", "--requirement", "--requirements"):
        raise invalid(f"{call}({package!r}) names a requirements file; use with_requirements({value!r})")
    if option in ("-c", "--constraint", "--constraints"):
        raise invalid(f"{call}({package!r}) is an option; use {call}(…, extra_args={f'-c {value}'!r})")
    if text.startswith("-") and option not in ("-e", "--editable"):
        raise invalid(f"{call}({package!r}) is an option; use {call}(…, extra_args={text!r})")
    if text.lower().endswith((".txt", ".in")) and "://" not in text:
        raise invalid(f"{call}({package!r}) names a requirements file; use with_requirements({text!r})")
    if text.lower().endswith(("pyproject.toml", "uv.lock")):
        raise invalid(f"{call}({package!r}) names a project's file; use with_uv_project('pyproject.toml')")
    return local_requirement(text, local)


def requirements(layer: sdk.Requirements, sources: Sources, image: ImageSoFar) -> Requirements:
    """Lowers a requirements file, and adds the files that it refers to."""
    call = f"with_requirements({layer.file.name!r})"
    file = existing(layer.file, call)
    secrets = mounts(layer.secret_mounts, call)
    local = LocalFiles(sources, image.wanted(call, secrets, whole=True))
    made = options(layer)
    extra_args = shipped(made.extra_args, local, near=file.parent)
    data = written_out(file, local)
    number = local.folder or sources.place()
    return Requirements(
        file=sources.put(f"{number}/requirements.txt", file if data is None else data),
        options=msgspec.structs.replace(made, extra_args=extra_args, pre=made.pre or local.pre),
        secret_mounts=secrets,
        source_dir=local.folder,
    )


def wheels(layer: sdk.PythonWheels, sources: Sources) -> PythonWheels:
    """Lowers the wheels of a folder and no other files, since builds leave some there."""
    call = f"with_local_v2_plugins({layer.package_name!r})"
    folder = existing(layer.wheel_dir, call, folder=True)
    found = sorted(path for path in folder.glob("*.whl") if path.is_file())
    if not found:
        raise invalid(f"{call}: there is no wheel in {str(folder)!r}")
    place = sources.place("dist")
    for wheel in found:
        sources.put(f"{place}/{wheel.name}", wheel)
    return PythonWheels(
        dir=place,
        package_name=layer.package_name,
        options=options(layer),
        secret_mounts=mounts(layer.secret_mounts, call),
    )
