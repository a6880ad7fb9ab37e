"""Finds the local files that Poetry reads to check and install a project."""

from pathlib import Path

from boatyard.errors import invalid
from boatyard_flyte.lowering.ignore import FlyteIgnore, of_project, sends_git
from boatyard_flyte.lowering.projects.metadata import check_version, files_outside
from boatyard_flyte.lowering.projects.paths import normal
from boatyard_flyte.lowering.projects.pyproject import Pyproject, read_toml
from boatyard_flyte.lowering.projects.tree import Tree
from boatyard_flyte.lowering.projects.walk import ProjectUse


def poetry_tree(pyproject: Path, lock: Path, wanted: ProjectUse) -> Tree:
    """The tree for `poetry install` in the folder of a pyproject.toml, which may have another name.

    The lock names all path dependencies, including transitive ones, relative to the project.
    """
    project = Pyproject.read(pyproject.parent, wanted.call, file=pyproject)
    tree = Tree(main=project.folder)
    tree.files[project.folder / "pyproject.toml"] = normal(pyproject)
    tree.files[project.folder / "poetry.lock"] = lock
    tree.add_file(project.folder / "poetry.toml")
    if wanted.whole:
        _add(tree, project, wanted)
    packages = read_toml(lock, wanted.call).get("package")
    for package in packages if isinstance(packages, list) else []:
        source = package.get("source") if isinstance(package, dict) else None
        if not isinstance(source, dict) or source.get("type") not in ("directory", "file"):
            continue
        path = normal(project.folder / str(source.get("url", "")))
        if not path.exists():
            raise invalid(
                f"{wanted.call}: poetry.lock says that {package.get('name')!r} is in {str(path)!r}, which "
                "does not exist"
            )
        if Path(str(source.get("url", ""))).is_absolute():
            raise invalid(
                f"{wanted.call}: {package.get('name')!r} is at an absolute path of this machine, which no image "
                "has; name it by a relative path, and run `poetry lock`"
            )
        if path.is_dir():
            tree.references.add((project.folder, path))
            _add(tree, Pyproject.read(path, wanted.call), wanted)
        else:
            tree.add_file(path)
    return tree


def _add(tree: Tree, project: Pyproject, wanted: ProjectUse) -> None:
    git = sends_git(wanted.ignored) and (project.folder / ".git").is_dir()
    check_version(project, wanted.variables, has_git=git, call=wanted.call)
    tree.folders[project.folder] = FlyteIgnore(of_project(wanted.ignored), replaced=("poetry.lock",))
    tree.add_file(project.folder / "pyproject.toml")
    for path in files_outside(project):
        if path.is_dir():
            tree.folders.setdefault(path, FlyteIgnore(of_project(wanted.ignored)))
        else:
            tree.add_file(path)
