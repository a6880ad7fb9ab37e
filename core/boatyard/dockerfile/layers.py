"""Renders one spec layer as Dockerfile instructions. Their order and effect are those of flyte's own Docker builder
(flyte 2.12, _internal/imagebuild/docker_builder.py); docs/layers.md lists the intended differences.
"""

import re

from boatyard.dockerfile.credentials import refuse_credentials
from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.projects import poetry_project, uv_project, uv_script
from boatyard.dockerfile.quoting import copy_source, expandable, json_array, mount_source, not_ours, shell_word
from boatyard.dockerfile.run import RunMounts, bind, cache, run
from boatyard.dockerfile.uv import INSTALL, WORK, Folder, installed_links, pip_arguments, uv_cache, variables
from boatyard.errors import invalid
from boatyard.spec import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    Layer,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    UVProject,
    UVScript,
    WorkDir,
)

_APT_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~:=/*-]*\Z")
_CLAUSE = r"(?:[=!<>]=|[<>])[0-9]+(?:\.[0-9]+)*"
PLAIN_REQUIREMENT = re.compile(rf"[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*(?:{_CLAUSE}(?:,{_CLAUSE})*)?\Z")
"""Most requirements: a name, perhaps with versions of digits. `packaging` accepts all of them."""
_DIGITS = 32


def instructions(layer: Layer, site: RunMounts, *, owner: str, identity: str) -> list[str]:
    """The layer's instructions. `owner` is the owner of files that COPY adds, such as flyte:flyte; may be empty.

    `identity` names the layer with the contents of its files (`key.layer_identity`).
    """
    place = f"{WORK}/{identity[:_DIGITS]}"
    match layer:
        case AptPackages():
            return [_apt(layer, site)]
        case PipPackages():
            return [_pip(layer, site, place)] if layer.packages else []
        case Requirements():
            return [_requirements(layer, site, place)]
        case PythonWheels():
            return _wheels(layer, site)
        case UVProject():
            return [uv_project(layer, site, place)]
        case UVScript():
            return [uv_script(layer, site, place)]
        case PoetryProject():
            return poetry_project(layer, site, place)
        case Commands():
            return [run(site, command, secrets=layer.secret_mounts) for command in layer.cmd]
        case Env():
            return [f"ENV {not_ours(name)}={expandable(value)}" for name, value in ordered(layer.env_variables).items()]
        case WorkDir():
            return [f"WORKDIR {expandable(layer.workdir)}"]
        case CopyConfig():
            flag = f"--chown={owner} " if owner else ""
            return [f"COPY {flag}{json_array((copy_source(layer.src), expandable(layer.dst)))}"]


def _apt(layer: AptPackages, site: RunMounts) -> str:
    # flyte joins the words unquoted, so "curl git" in one string is two packages there too.
    packages = [word for entry in layer.packages for word in entry.split()]
    for package in packages:
        if not _APT_PACKAGE.match(package):
            raise invalid(f"{package!r} is not an apt package", field="aptPackages.packages")
    if not packages:
        raise invalid("no apt package is named", field="aptPackages.packages")
    script = (
        "set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\n"
        f"apt-get install -y --no-install-recommends -- {' '.join(map(shell_word, packages))}\n"
        "rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache"
    )
    mounts = (
        cache(site, "apt-archives", "/var/cache/apt", locked=True),
        cache(site, "apt-lists", "/var/lib/apt/lists", locked=True),
    )
    return run(site, script, mounts=mounts, secrets=layer.secret_mounts)


def _pip(layer: PipPackages, site: RunMounts, place: str) -> str:
    expand = variables(layer.secret_mounts)
    for package in layer.packages:
        refuse_credentials(package, expand, field="pipPackages.packages")
        _check_requirement(package, local=bool(layer.source_dir))
    words = [
        INSTALL,
        *pip_arguments(layer.options, layer.secret_mounts),
        "--",
        *(shell_word(package, expand) for package in layer.packages),
    ]
    mounts, lines = [uv_cache(site)], [" ".join(words)]
    if layer.source_dir:
        mounts.append(Folder(layer.source_dir, place, field="pipPackages.sourceDir").mount)
        lines = ["set -e", f"cd {place}", *lines, *installed_links(place)]
    return run(site, "\n".join(lines), mounts=tuple(mounts), secrets=layer.secret_mounts)


def _check_requirement(package: str, *, local: bool = False) -> None:
    """Refuses immediately what uv would refuse after minutes. Leaves URLs, and with `local` also paths, to uv."""
    field = "pipPackages.packages"
    if package.startswith("-"):
        raise invalid(f"{package!r} is an option; give options in extra_args", field=field)
    if package.lower().endswith((".txt", ".in")) and "://" not in package:
        raise invalid(f"{package!r} is a requirements file; use with_requirements({package!r})", field=field)
    if not local and package.startswith((".", "/", "~")):
        raise invalid(f"{package!r} is a path, and the layer has no sourceDir that it could be in", field=field)
    if "://" in package or "/" in package or "$" in package:
        return
    if PLAIN_REQUIREMENT.match(package):
        return
    # Imported here, because a function's first answer seldom needs it, and it takes a twentieth of the time.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(package)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise invalid(f"{package!r} is not a requirement such as 'pandas>=2': {reason}", field=field) from None
    except RecursionError:
        raise invalid("a requirement nests its markers too deeply", field=field) from None


def _requirements(layer: Requirements, site: RunMounts, place: str) -> str:
    words = [INSTALL, *pip_arguments(layer.options, layer.secret_mounts), "--requirement"]
    if layer.source_dir:
        tree = Folder(layer.source_dir, place, field="requirements.sourceDir")
        file = tree.inside(layer.file, field="requirements.file")
        install = " ".join([*words, shell_word(file)])
        mount, lines = tree.mount, ["set -e", f"cd {place}", install, *installed_links(place)]
    else:
        file = f"{WORK}/requirements.txt"
        mount = bind(mount_source(layer.file, field="requirements.file"), file)
        lines = [" ".join([*words, file])]
    return run(site, "\n".join(lines), mounts=(uv_cache(site), mount), secrets=layer.secret_mounts)


def _wheels(layer: PythonWheels, site: RunMounts) -> list[str]:
    """Two steps, as in flyte: first the dependencies from the index, then exactly the given wheel."""
    _check_requirement(layer.package_name)
    source = mount_source(layer.dir, field="pythonWheels.dir")
    name = shell_word(layer.package_name)
    words = [INSTALL, *pip_arguments(layer.options, layer.secret_mounts), "--find-links", f"{WORK}/dist"]
    install = " ".join(words)
    mounts = (uv_cache(site), bind(source, f"{WORK}/dist"))
    return [
        run(site, f"{install} -- {name}", mounts=mounts, secrets=layer.secret_mounts),
        run(
            site,
            f"{install} --no-deps --no-index --reinstall -- {name}",
            mounts=mounts,
            secrets=layer.secret_mounts,
        ),
    ]
