"""Removes generated modules that nothing imports.

Generated code imports only by `import x` and `from x import y`, so its source shows everything that it can load. This
is not assumed of handwritten code: it stays whole, or pyproject.toml names its unused parts.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def keep_reached(stage: Path, generated: Iterable[str]) -> None:
    """Removes the modules of these packages that nothing in the stage imports, directly or indirectly."""
    folders = [stage / name for name in generated]
    modules = {_name(path, stage): path for path in stage.rglob("*.py")}
    leaving = {name: path for name, path in modules.items() if any(path.is_relative_to(folder) for folder in folders)}
    tops = {name.partition(".")[0] for name in leaving}
    waiting = [path for name, path in modules.items() if name not in leaving]
    while waiting:
        path = waiting.pop()
        for name in _imported(path, stage, tops):
            if found := leaving.pop(name, None):
                waiting.append(found)
    for path in leaving.values():
        path.unlink()
    for folder in folders:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _imported(path: Path, stage: Path, tops: set[str]) -> Iterator[str]:
    """Names of modules that a module may load, including their packages; `from x import y` may mean a module x.y."""
    text = path.read_text(encoding="utf-8")
    if not any(top in text for top in tops) and _name(path, stage).partition(".")[0] not in tops:
        return
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, path, stage)
            yield from _with_packages(origin)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Imports are statements: the expressions, which are most of a tree, are left out."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, field, None)
            if isinstance(children, list):  # of a lambda and a conditional expression it is an expression
                waiting += children


def _origin(node: ast.ImportFrom, path: Path, stage: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(stage).parent.parts
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _name(path: Path, stage: Path) -> str:
    return ".".join(path.relative_to(stage).with_suffix("").parts).removesuffix(".__init__")
