"""One spec layer -> the instructions that make it. The order and effect are those of flyte's own Docker
builder (flyte 2.12, _internal/imagebuild/docker_builder.py); what differs on purpose is in docs/layers.md.
"""

import posixpath
import re

from boatyard.dockerfile.credentials import refuse_credentials
from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.quoting import (
    copy_source,
    expandable,
    json_array,
    mount_source,
    shell_word,
    shell_words,
)
from boatyard.dockerfile.run import Site, bind, cache, run
from boatyard.errors import invalid
from boatyard.spec import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    Layer,
    PipOptions,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    Secret,
    UVProject,
    WorkDir,
)

_WORK = "/tmp/boatyard"  # noqa: S108 - a mount point inside the build, gone when the step ends
_APT_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~:=/*-]*\Z")
_VENV = "${VIRTUAL_ENV-/opt/venv}"
_ACTIVE = f"VIRTUAL_ENV={_VENV}"
_INSTALL = 'uv pip install --python "$UV_PYTHON"'


def instructions(layer: Layer, site: Site, *, owner: str) -> list[str]:
    """The layer's instructions. `owner` is what COPY gives files to, such as flyte:flyte; may be empty."""
    match layer:
        case AptPackages():
            return [_apt(layer, site)]
        case PipPackages():
            return [_pip(layer, site)] if layer.packages else []
        case Requirements():
            return [_requirements(layer, site)]
        case PythonWheels():
            return _wheels(layer, site)
        case UVProject():
            return [_uv_project(layer, site)]
        case PoetryProject():
            return _poetry_project(layer, site)
        case Commands():
            return [run(site, command, secrets=layer.secret_mounts) for command in layer.cmd]
        case Env():
            return [f"ENV {name}={expandable(value)}" for name, value in ordered(layer.env_variables).items()]
        case WorkDir():
            return [f"WORKDIR {expandable(layer.workdir)}"]
        case CopyConfig():
            flag = f"--chown={owner} " if owner else ""
            return [f"COPY {flag}{json_array((copy_source(layer.src), expandable(layer.dst)))}"]


def _apt(layer: AptPackages, site: Site) -> str:
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


def _pip_arguments(options: PipOptions, secrets: tuple[Secret, ...]) -> list[str]:
    expand = _variables(secrets)
    for text in (options.index_url, *options.extra_index_urls, options.extra_args):
        refuse_credentials(text, expand, field="options")
    words: list[str] = []
    if options.index_url:
        words += ["--index-url", shell_word(options.index_url, expand)]
    for url in options.extra_index_urls:
        words += ["--extra-index-url", shell_word(url, expand)]
    if options.pre:
        words.append("--pre")
    return words + shell_words(options.extra_args, expand, field="options.extraArgs")


def _variables(secrets: tuple[Secret, ...]) -> frozenset[str]:
    """Names that a URL may refer to, as flyte documents: `git+https://$GITHUB_PAT@github.com/…`."""
    return frozenset(secret.environment_name for secret in secrets) - {""}


def uv_cache(site: Site) -> str:
    # uv's cache takes many writers at once; flyte's builder locks it and makes builds wait in a row.
    return cache(site, "uv", "/root/.cache/uv")


def _pip(layer: PipPackages, site: Site) -> str:
    expand = _variables(layer.secret_mounts)
    for package in layer.packages:
        refuse_credentials(package, expand, field="pipPackages.packages")
        _check_requirement(package)
    words = [
        *_pip_arguments(layer.options, layer.secret_mounts),
        "--",
        *(shell_word(package, expand) for package in layer.packages),
    ]
    script = f"{_INSTALL} {' '.join(words)}"
    return run(site, script, mounts=(uv_cache(site),), secrets=layer.secret_mounts)


def _check_requirement(package: str) -> None:
    """Refuses at once what uv would refuse after minutes. URLs and paths are uv's to judge."""
    field = "pipPackages.packages"
    if package.startswith("-"):
        raise invalid(f"{package!r} is an option; give options in extra_args", field=field)
    if "://" in package or "/" in package or "$" in package:
        return
    # 50 ms to import, and most requests have no requirement to check: they are cached, or a Dockerfile.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(package)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise invalid(f"{package!r} is not a requirement such as 'pandas>=2': {reason}", field=field) from None
    except RecursionError:
        raise invalid("a requirement nests its markers too deeply", field=field) from None


def _requirements(layer: Requirements, site: Site) -> str:
    source = mount_source(layer.file, field="requirements.file")
    target = f"{_WORK}/requirements.txt"
    words = [*_pip_arguments(layer.options, layer.secret_mounts), "--requirement", target]
    script = f"{_INSTALL} {' '.join(words)}"
    return run(site, script, mounts=(uv_cache(site), bind(source, target)), secrets=layer.secret_mounts)


def _wheels(layer: PythonWheels, site: Site) -> list[str]:
    """Twice, as in flyte: first the dependencies from the index, then exactly the wheel at hand."""
    _check_requirement(layer.package_name)
    source = mount_source(layer.dir, field="pythonWheels.dir")
    name = shell_word(layer.package_name)
    words = [_INSTALL, *_pip_arguments(layer.options, layer.secret_mounts), "--find-links", f"{_WORK}/dist"]
    install = " ".join(words)
    mounts = (uv_cache(site), bind(source, f"{_WORK}/dist"))
    return [
        run(site, f"{install} -- {name}", mounts=mounts, secrets=layer.secret_mounts),
        run(
            site,
            f"{install} --no-deps --no-index --reinstall -- {name}",
            mounts=mounts,
            secrets=layer.secret_mounts,
        ),
    ]


def _uv_project(layer: UVProject, site: Site) -> str:
    folder = mount_source(layer.pyproject, field="uvProject.pyproject")
    options = _pip_arguments(layer.options, layer.secret_mounts)
    sync = [_ACTIVE, "uv", "sync", "--active", "--inexact"]
    secrets = layer.secret_mounts
    if "--no-install-project" in layer.options.extra_args.split():
        # The files appear at the same relative places as flyte mounts them: editable dependencies are
        # recorded by path, and at run time the code is unpacked into this working directory.
        mounts = [uv_cache(site), bind(f"{folder}/pyproject.toml", "pyproject.toml")]
        if layer.uvlock:
            mounts.append(bind(mount_source(layer.uvlock, field="uvProject.uvlock"), "uv.lock", writable=True))
        for editable in layer.editables:
            source = mount_source(editable, field="uvProject.editables")
            mounts.append(bind(source, _beside(layer, source), writable=True))
        return run(site, " ".join([*sync, *options]), mounts=tuple(mounts), secrets=secrets)
    target = f"/root/.flyte/{folder}"
    script = " ".join([*sync, "--no-editable", *options, "--project", target])
    if layer.uvlock and layer.uvlock != f"{folder}/uv.lock":
        lock = bind(mount_source(layer.uvlock, field="uvProject.uvlock"), f"{_WORK}/uv.lock")
        script = f"cp {_WORK}/uv.lock {target}/uv.lock && {script}"
        return run(site, script, mounts=(uv_cache(site), bind(folder, target, writable=True), lock), secrets=secrets)
    return run(site, script, mounts=(uv_cache(site), bind(folder, target, writable=True)), secrets=secrets)


def _beside(layer: UVProject, editable: str) -> str:
    """Where an editable dependency lies, seen from the project: `packages/lib`, or `../lib`."""
    above = layer.source_dir or layer.pyproject
    if editable == layer.pyproject or not (above == "." or editable.startswith(f"{above}/")):
        raise invalid(f"the editable dependency {editable!r} is not below sourceDir", field="uvProject.editables")
    return posixpath.relpath(editable, layer.pyproject)


def _poetry_project(layer: PoetryProject, site: Site) -> list[str]:
    extra = shell_words(layer.extra_args, _variables(layer.secret_mounts), field="poetryProject.extraArgs")
    install = " ".join([_ACTIVE, "poetry", "install", *extra])
    poetry = run(site, "uv pip install poetry", mounts=(uv_cache(site),))
    store = cache(site, "poetry", "/tmp/poetry_cache", locked=True)  # noqa: S108 - a cache mount
    lock = mount_source(layer.poetry_lock, field="poetryProject.poetryLock")
    project = mount_source(layer.pyproject, field="poetryProject.pyproject")
    if project.endswith("/pyproject.toml"):
        mounts: tuple[str, ...] = (store, bind(lock, "poetry.lock"), bind(project, "pyproject.toml"))
        environment = 'ENV POETRY_CACHE_DIR="/tmp/poetry_cache" POETRY_VIRTUALENVS_IN_PROJECT="true"'
        script = install
    else:
        target = f"/root/.flyte/{project}"
        mounts = (store, uv_cache(site), bind(project, target, writable=True), bind(lock, f"{_WORK}/poetry.lock"))
        environment = 'ENV POETRY_CACHE_DIR="/tmp/poetry_cache"'
        script = (
            f"set -e\ncmp -s {_WORK}/poetry.lock {target}/poetry.lock || cp {_WORK}/poetry.lock {target}/poetry.lock\n"
            f"{install} -C {target}\n"
            # Poetry installs a project as a link to its folder, which is gone with the mount. If it made one,
            # the project itself takes its place.
            f'links=$(grep -lsF {target} "{_VENV}"/lib/python3*/site-packages/*.pth) || exit 0\n'
            f'rm -- $links && uv pip install --python "{_VENV}" --no-deps --reinstall {target}'
        )
    return [poetry, environment, run(site, script, mounts=mounts, secrets=layer.secret_mounts)]
