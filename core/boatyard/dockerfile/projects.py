"""Renders uv projects, uv scripts and Poetry projects. Each is mounted as a tree with all files that its tool reads."""

import posixpath
import shlex
from typing import Final

from boatyard.dockerfile.quoting import mount_source, shell_word, shell_words
from boatyard.dockerfile.run import RunMounts, bind, cache, run
from boatyard.dockerfile.uv import (
    VENV,
    WORK,
    Folder,
    index_arguments,
    installed_links,
    pip_arguments,
    uv_cache,
    variables,
)
from boatyard.errors import invalid
from boatyard.spec import PoetryProject, UVProject, UVScript

_ACTIVE: Final = f"VIRTUAL_ENV={VENV}"
_SYNC: Final = (_ACTIVE, "uv", "sync", "--active", "--inexact")
_LOCK_OPTIONS: Final = ("--locked", "--frozen", "--check", "--upgrade", "-U", "--upgrade-package", "-P")
"""Options that say how to use the lock. Without one of them, a locked project is synced with `--locked`."""


def uv_project(layer: UVProject, site: RunMounts, place: str) -> str:
    """`uv sync` in the project's folder. Local packages are installed as copies, because the folder disappears."""
    tree = Folder(layer.source_dir or layer.pyproject, place, field="uvProject.sourceDir")
    project = tree.inside(layer.pyproject, field="uvProject.pyproject")
    mounts = [uv_cache(site), tree.mount]
    lines = ["set -e", f"cd {shell_word(project)}"]
    if layer.uvlock:
        lock = f"{project}/uv.lock"
        if _is_above(layer.uvlock, layer.pyproject) and tree.has(layer.uvlock):
            lock = tree.inside(layer.uvlock, field="uvProject.uvlock")
        else:
            mounts.append(bind(mount_source(layer.uvlock, field="uvProject.uvlock"), f"{WORK}/uv.lock"))
            lines.append(f"cp {WORK}/uv.lock {shell_word(lock)}")
    words = _words(layer.options.extra_args, "uvProject.options")
    arguments = pip_arguments(layer.options, layer.secret_mounts)
    if not {"--editable", "--no-editable"} & set(words):
        arguments.insert(0, "--no-editable")
    if layer.uvlock and not _chooses(words):
        lines.append(_check_lock(shell_word(lock), index_arguments(layer.options, layer.secret_mounts)))
        arguments.insert(0, "--locked")
    lines.append(" ".join([*_SYNC, *arguments]))
    return run(site, "\n".join(lines), mounts=tuple(mounts), secrets=layer.secret_mounts)


def _is_above(lock: str, project: str) -> bool:
    """Whether uv finds the lock by its name and place: beside the project, or in the workspace's root above it."""
    folder, _, name = lock.rpartition("/")
    return name == "uv.lock" and (not folder or project == folder or project.startswith(f"{folder}/"))


def _check_lock(lock: str, index: list[str]) -> str:
    """Adapts a lock to the index of the deployment or layer, and fails if versions would have to change.

    For `uv sync --locked`, a lock that was made with another index is outdated, and its files may be unreachable. So is
    a lock with an index that is a folder, because uv writes its absolute path into the lock.
    """
    names = f"$(grep -E '^(name|version) = ' {lock} || true)"
    fitted = "\n".join(
        (
            f'locked="{names}"',
            " ".join([_ACTIVE, "uv", "lock", "--quiet", *index]),
            f'if [ "$locked" != "{names}" ]; then',
            "echo 'error: The lockfile at `uv.lock` needs to be updated: its packages do not fit the project' >&2",
            "exit 1",
            "fi",
        )
    )
    if index:
        return fitted
    other = f"""[ -n "${{UV_DEFAULT_INDEX-}}${{UV_INDEX-}}" ] || grep -q 'index = "file:' {lock}"""
    return f"if {other}; then\n{fitted}\nfi"


def uv_script(layer: UVScript, site: RunMounts, place: str) -> str:
    """Installs what `uv run` would for the script, with its [tool.uv] and its lock, into the image's environment."""
    tree = Folder(layer.folder, place, field="uvScript.sourceDir")
    script = tree.inside(layer.script, field="uvScript.script")
    arguments = ["--no-editable", *pip_arguments(layer.options, layer.secret_mounts)]
    if layer.lock and not _chooses(_words(layer.options.extra_args, "uvScript.options")):
        arguments.insert(0, "--locked")
    sync = " ".join([*_SYNC, *arguments, "--script", shell_word(script)])
    lines = ["set -e", f"cd {shell_word(posixpath.dirname(script))}", sync, *installed_links(place)]
    return run(site, "\n".join(lines), mounts=(uv_cache(site), tree.mount), secrets=layer.secret_mounts)


def poetry_project(layer: PoetryProject, site: RunMounts, place: str) -> list[str]:
    extra = shell_words(layer.extra_args, variables(layer.secret_mounts), field="poetryProject.extraArgs")
    lock = mount_source(layer.poetry_lock, field="poetryProject.poetryLock")
    only_dependencies = layer.pyproject.endswith("/pyproject.toml")
    folder = posixpath.dirname(layer.pyproject) if only_dependencies else layer.pyproject
    mounts = [cache(site, "poetry", "/tmp/poetry_cache", locked=True), uv_cache(site)]  # noqa: S108 - a cache mount
    if only_dependencies and not layer.source_dir:
        # Without a tree, the layer consists of these two files.
        project = place
        pyproject = mount_source(layer.pyproject, field="poetryProject.pyproject")
        mounts += [bind(pyproject, f"{place}/pyproject.toml"), bind(lock, f"{place}/poetry.lock")]
        lines = ["set -e", f"cd {place}"]
    else:
        tree = Folder(layer.source_dir or folder, place, field="poetryProject.sourceDir")
        project = tree.inside(folder, field="poetryProject.pyproject")
        mounts.append(tree.mount)
        lines = ["set -e", f"cd {shell_word(project)}"]
        if layer.poetry_lock != f"{folder}/poetry.lock":
            mounts.append(bind(lock, f"{WORK}/poetry.lock"))
            lines.append(f"cp {WORK}/poetry.lock poetry.lock")
    lines += [
        " ".join([_ACTIVE, "poetry", "install", *extra]),
        *installed_links(place),
    ]
    if not only_dependencies:
        lines += [
            f'links=$(grep -lsF {place} "{VENV}"/lib/python3*/site-packages/*.pth) || exit 0',
            f'rm -- $links && uv pip install --python "{VENV}" --no-deps --reinstall -- {shell_word(project)}',
        ]
    environment = 'ENV POETRY_CACHE_DIR="/tmp/poetry_cache"'
    if only_dependencies:
        environment += ' POETRY_VIRTUALENVS_IN_PROJECT="true"'
    poetry = run(site, "uv pip install poetry", mounts=(uv_cache(site),))
    return [
        poetry,
        environment,
        run(site, "\n".join(lines), mounts=tuple(mounts), secrets=layer.secret_mounts),
    ]


def _words(text: str, field: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise invalid(f"{text!r} cannot be split into arguments: {error}", field=field) from None


def _chooses(words: list[str]) -> bool:
    return any(word == option or word.startswith((f"{option}=",)) for word in words for option in _LOCK_OPTIONS)
