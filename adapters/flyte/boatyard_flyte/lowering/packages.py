"""Packages: pip, requirements files, wheels and apt."""

from boatyard.errors import invalid
from boatyard.spec import AptPackages, PipOptions, PipPackages, PythonWheels, Requirements
from boatyard_flyte import sdk
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, clean, existing


def options(layer: sdk.PipOption) -> PipOptions:
    """The pip options of any layer that has them."""
    return PipOptions(
        index_url=layer.index_url or "",
        extra_index_urls=tuple(layer.extra_index_urls or ()),
        pre=bool(layer.pre),
        extra_args=(layer.extra_args or "").strip(),
    )


def apt(layer: sdk.AptPackages) -> AptPackages:
    return AptPackages(packages=tuple(layer.packages), secret_mounts=mounts(layer.secret_mounts, "with_apt_packages"))


def pip(layer: sdk.PipPackages) -> PipPackages:
    return PipPackages(
        packages=tuple(layer.packages or ()),
        options=options(layer),
        secret_mounts=mounts(layer.secret_mounts, "with_pip_packages"),
    )


def requirements(layer: sdk.Requirements, sources: Sources) -> Requirements:
    call = f"with_requirements({layer.file.name!r})"
    file = existing(layer.file, call)
    return Requirements(
        file=sources.put(f"{sources.place()}/{clean(file.name)}", file),
        options=options(layer),
        secret_mounts=mounts(layer.secret_mounts, call),
    )


def wheels(layer: sdk.PythonWheels, sources: Sources) -> PythonWheels:
    """The wheels of the folder, and nothing else in it: builds leave other files there."""
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
