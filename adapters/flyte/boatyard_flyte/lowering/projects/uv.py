"""Everything of this machine that uv reads to resolve, check and install a project."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard.errors import invalid
from boatyard_flyte.lowering.ignore import FlyteIgnore, of_project, sends_git
from boatyard_flyte.lowering.projects.metadata import check_version, files_outside, needs_build
from boatyard_flyte.lowering.projects.paths import is_archive, is_remote, local_path, normal
from boatyard_flyte.lowering.projects.pyproject import (
    Pyproject,
    direct_reference,
    read_toml,
    requirement_name,
    strings,
)
from boatyard_flyte.lowering.projects.tree import Tree
from boatyard_flyte.lowering.projects.workspace import members, settings_file, workspace_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a project is wanted. `call` is the SDK call, for errors."""

    call: str
    ignored: Sequence[str] = ()
    """Patterns of the image's .dockerignore."""
    variables: frozenset[str] = frozenset()
    """Names of the environment variables that the step has."""
    beside: Path | None = None
    """A folder besides the working directory that relative paths of packages may be meant from."""
    whole: bool = False
    """Install the project itself, and not only what it requires."""
    all_members: bool = False
    """Any member of the workspace may be asked for, not only those that the project requires."""


def uv_tree(pyproject: Path, wanted: Wanted, *, lock: Path | None = None) -> Tree:
    """The tree of `uv sync` in the folder of a pyproject.toml, which may have another name.

    `lock` is the lock that counts; else the project's or the workspace's own does.
    """
    project = Pyproject.read(pyproject.parent, wanted.call, file=pyproject)
    workspace = workspace_of(project, wanted.call)
    root = workspace.folder if workspace else project.folder
    lock = lock or (root / "uv.lock" if (root / "uv.lock").is_file() else None)
    walk = _Walk(project, workspace, wanted, locked=lock is not None)
    tree = walk.tree()
    tree.files[project.folder / "pyproject.toml"] = normal(pyproject)
    if lock:
        tree.files[root / "uv.lock"] = lock
    for place in {root, project.folder}:
        for name in (".python-version", ".python-versions"):
            tree.add_file(place / name)
    if root != project.folder:
        tree.add_file(root / ".gitignore")  # build backends leave out of a wheel what it ignores
    if settings := settings_file(root, wanted.call):
        _add_settings(tree, settings, wanted.call)
    return tree


def folder_tree(folder: Path, wanted: Wanted) -> Tree:
    """The tree of `uv pip install ./folder`: the project and what its [tool.uv.sources] name. No lock counts."""
    project = Pyproject.read(folder, wanted.call)
    return _Walk(project, workspace_of(project, wanted.call), wanted, locked=False).tree()


def script_tree(folder: Path, header: dict[str, Any], wanted: Wanted) -> Tree:
    """The tree of `uv sync --script` for a script in the folder, whose own text is not part of it."""
    tool = header.get("tool")
    project = {"name": "script", "version": "0", "dependencies": header.get("dependencies")}
    script = Pyproject(normal(folder), {"project": project, "tool": tool if isinstance(tool, dict) else {}})
    tree = _Walk(script, None, wanted, locked=False).tree()
    for place in [place for place in tree.files if place.parent == script.folder]:
        del tree.files[place]
    if settings := settings_file(script.folder, wanted.call):
        _add_settings(tree, settings, wanted.call)
    return tree


class _Walk:
    """Follows a project's references to local packages, and theirs."""

    def __init__(self, project: Pyproject, workspace: Pyproject | None, wanted: Wanted, *, locked: bool) -> None:
        self.project = project
        self.workspace = workspace
        self.wanted = wanted
        self.locked = locked
        self.found = Tree(main=project.folder)
        self.members = {member.name: member for member in members(workspace, wanted.call)} if workspace else {}
        self.seen: set[Path] = set()

    def tree(self) -> Tree:
        """The project and what it needs go along whole, other members of the workspace only as far as uv reads them."""
        self._visit(self.project, whole=self.wanted.whole)
        for member in self.members.values():
            if self.workspace:
                self.found.references.add((self.workspace.folder, member.folder))
            self._visit(member, whole=self.wanted.all_members)
        if self.workspace:
            self._add_metadata(self.workspace)
        return self.found

    def _visit(self, project: Pyproject, *, whole: bool) -> None:
        """Depth first, with what is needed first: a folder that is needed and a member counts as needed."""
        if project.folder in self.seen:
            return
        self.seen.add(project.folder)
        needed = whole or project is self.project
        built = whole and project.is_built
        if built or needs_build(project, locked=self.locked):
            self._add_whole(project)
        elif whole:
            self._add_folder(project)
        self._add_metadata(project)
        _add_indexes(self.found, project.uv, project.folder, self.wanted.call)
        for path, name in self._sources(project):
            self._follow(path, name, project, whole=needed)
        if needed:
            for name in sorted(project.required_names & self.members.keys()):
                self._visit(self.members[name], whole=True)

    def _follow(self, path: Path, name: str, project: Pyproject, *, whole: bool) -> None:
        if path.is_file() and is_archive(path.name):
            self.found.add_file(path)
        elif path.is_dir():
            if not any((path / file).is_file() for file in ("pyproject.toml", "setup.py", "setup.cfg")):
                raise invalid(
                    f"{self.wanted.call}: {name!r} is said to be in {str(path)!r}, which is no Python project"
                )
            self.found.references.add((project.folder, path))
            self._visit(Pyproject.read(path, self.wanted.call), whole=whole)
        elif name in project.required_names:
            what = "is neither a folder nor a wheel or source distribution" if path.exists() else "does not exist"
            raise invalid(f"{self.wanted.call}: {name!r} is said to be in {str(path)!r}, which {what}")

    def _sources(self, project: Pyproject) -> Iterator[tuple[Path, str]]:
        """The paths that a project's sources and direct references name, and what for."""
        owners = [project]
        if (
            self.workspace
            and self.workspace is not project
            and project.folder in {m.folder for m in self.members.values()}
        ):
            owners.append(self.workspace)
        for owner in owners:
            for name, source in owner.table("tool", "uv", "sources").items():
                for item in source if isinstance(source, list) else [source]:
                    path = item.get("path") if isinstance(item, dict) else None
                    if isinstance(path, str):
                        self._check_relative(path, name)
                        yield normal(owner.folder / path), requirement_name(name)
        for text in project.requirements:
            reference = direct_reference(text)
            if reference and (found := local_path(reference, project.folder)):
                self._check_relative(reference, text)
                yield found, requirement_name(text)

    def _check_relative(self, reference: str, text: str) -> None:
        if reference.startswith(("file:///", "file://localhost/", "/")):
            name = requirement_name(text)
            raise invalid(
                f"{self.wanted.call}: {text!r} names a path of this machine, which no image has; require {name!r}, and "
                f'say where it is relative to the project: [tool.uv.sources] {name} = {{ path = "../{name}" }}'
            )

    def _add_metadata(self, project: Pyproject) -> None:
        for name in ("pyproject.toml", "setup.py", "setup.cfg"):
            self.found.add_file(project.folder / name)

    def _add_whole(self, project: Pyproject) -> None:
        """A project that is built: all of its folder, and what its configuration names outside of it."""
        git = sends_git(self.wanted.ignored) and (project.folder / ".git").is_dir()
        check_version(project, self.wanted.variables, has_git=git, call=self.wanted.call)
        self._add_folder(project)
        for path in files_outside(project):
            if path.is_dir():
                self.found.folders.setdefault(path, FlyteIgnore(of_project(self.wanted.ignored)))
            else:
                self.found.add_file(path)

    def _add_folder(self, project: Pyproject) -> None:
        replaced = {"uv.lock"} if (project.folder / "uv.lock").is_file() else set()
        self.found.folders[project.folder] = FlyteIgnore(of_project(self.wanted.ignored), replaced=replaced)


def _add_settings(tree: Tree, file: Path, call: str) -> None:
    tree.add_file(file)
    if file.name == "pyproject.toml":
        # Its patterns of workspace members are compared with the names of the folders below it.
        tree.references.add((file.parent, tree.main))
    document = read_toml(file, call)
    settings = Pyproject(file.parent, document).uv if file.name == "pyproject.toml" else document
    _add_indexes(tree, settings, file.parent, call)


def _add_indexes(tree: Tree, settings: dict[str, Any], folder: Path, call: str) -> None:
    """Folders of wheels that the settings name: `find-links`, and indexes that are paths."""
    indexes = settings.get("index")
    named = [item.get("url") for item in indexes if isinstance(item, dict)] if isinstance(indexes, list) else []
    named += [
        settings.get("index-url"),
        *strings(settings.get("extra-index-url")),
        *strings(settings.get("find-links")),
    ]
    for reference in named:
        if not isinstance(reference, str) or is_remote(reference):
            continue
        path = local_path(reference, folder)
        if path is None:
            continue
        if reference.startswith(("/", "file:///")):
            raise invalid(
                f"{call}: the index {reference!r} is a path of this machine, which no image has; name it by a "
                "relative path"
            )
        if not path.is_dir():
            raise invalid(f"{call}: the index {reference!r} is no folder: there is no {str(path)!r}")
        tree.folders.setdefault(normal(path), None)
