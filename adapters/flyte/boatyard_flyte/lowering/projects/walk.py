"""Walks from a project to the local packages that it needs, transitively."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from boatyard.errors import invalid
from boatyard_flyte.lowering.ignore import FlyteIgnore, of_project, sends_git
from boatyard_flyte.lowering.projects.indexes import add_indexes
from boatyard_flyte.lowering.projects.metadata import check_version, files_outside, needs_build
from boatyard_flyte.lowering.projects.paths import is_archive, local_path, normal
from boatyard_flyte.lowering.projects.pyproject import Pyproject, direct_reference, requirement_name
from boatyard_flyte.lowering.projects.tree import Tree
from boatyard_flyte.lowering.projects.workspace import members, workspace_of


@dataclass(frozen=True, kw_only=True)
class ProjectUse:
    """How a layer needs a project. `call` is the SDK call, for errors."""

    call: str
    ignored: Sequence[str] = ()
    """Patterns of the image's .dockerignore."""
    variables: frozenset[str] = frozenset()
    """Names of the environment variables that the step has."""
    beside: Path | None = None
    """A folder besides the working directory that relative paths of packages may refer to."""
    whole: bool = False
    """Whether to install the project itself, and not only its requirements."""
    all_members: bool = False
    """Whether any member of the workspace may be installed, not only those that the project requires."""


@dataclass(frozen=True)
class _Workspace:
    root: Pyproject
    members: list[Pyproject]

    @property
    def by_name(self) -> dict[str, Pyproject]:
        return {member.name: member for member in self.members if member.name}


class Walk:
    """Follows a project's references to local packages, transitively."""

    def __init__(self, project: Pyproject, workspace: Pyproject | None, wanted: ProjectUse, *, locked: bool) -> None:
        self.project = project
        self.wanted = wanted
        self.locked = locked
        self.found = Tree(main=project.folder)
        self.seen: set[Path] = set()
        self.workspaces: dict[Path, _Workspace] = {}
        self.own = self._join(workspace) if workspace else None

    def tree(self) -> Tree:
        """All files of the project and of packages that it needs, and what uv reads of other workspace members."""
        self._visit(self.project, self.own, whole=self.wanted.whole)
        if self.own:
            self._visit_members(self.own, whole=self.wanted.all_members)
        return self.found

    def _join(self, root: Pyproject) -> _Workspace:
        if root.folder not in self.workspaces:
            self.workspaces[root.folder] = _Workspace(root, members(root, self.wanted.call))
        return self.workspaces[root.folder]

    def _visit_members(self, workspace: _Workspace, *, whole: bool) -> None:
        for member in workspace.members:
            self.found.references.add((workspace.root.folder, member.folder))
            self._visit(member, workspace, whole=whole)
        self._add_metadata(workspace.root)

    def _visit(self, project: Pyproject, workspace: _Workspace | None, *, whole: bool) -> None:
        """Visits depth first, needed packages first: a member that is also needed counts as needed."""
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
        add_indexes(self.found, project.uv, project.folder, self.wanted.call)
        for path, name in self._sources(project, workspace):
            self._follow(path, name, project, whole=needed)
        if needed and workspace:
            for name in sorted(project.required_names & workspace.by_name.keys()):
                self._visit(workspace.by_name[name], workspace, whole=True)

    def _follow(self, path: Path, name: str, project: Pyproject, *, whole: bool) -> None:
        if path.is_file() and is_archive(path.name):
            self.found.add_file(path)
        elif path.is_dir():
            if not any((path / file).is_file() for file in ("pyproject.toml", "setup.py", "setup.cfg")):
                raise invalid(
                    f"{self.wanted.call}: {name!r} is expected in {str(path)!r}, which is not a Python project"
                )
            self.found.references.add((project.folder, path))
            there = Pyproject.read(path, self.wanted.call)
            root = workspace_of(there, self.wanted.call)
            workspace = self._join(root) if root else None
            self._visit(there, workspace, whole=whole)
            if workspace and workspace is not self.own:
                self._visit_members(workspace, whole=False)
        elif name in project.required_names:
            what = "is neither a folder nor a wheel or source distribution" if path.exists() else "does not exist"
            raise invalid(f"{self.wanted.call}: {name!r} is expected in {str(path)!r}, which {what}")

    def _sources(self, project: Pyproject, workspace: _Workspace | None) -> Iterator[tuple[Path, str]]:
        """The paths in a project's sources and direct references, with their names."""
        owners = [project]
        if workspace and workspace.root.folder != project.folder:
            owners.append(workspace.root)  # its sources apply to all members
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
                f"{self.wanted.call}: {text!r} names an absolute local path, which no image has; require {name!r}, and "
                f'set its path relative to the project: [tool.uv.sources] {name} = {{ path = "../{name}" }}'
            )

    def _add_metadata(self, project: Pyproject) -> None:
        for name in ("pyproject.toml", "setup.py", "setup.cfg"):
            self.found.add_file(project.folder / name)

    def _add_whole(self, project: Pyproject) -> None:
        """Adds the whole folder of a project that is built, and outside files that its configuration names."""
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
