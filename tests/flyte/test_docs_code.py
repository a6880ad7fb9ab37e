"""The Python code in the documentation runs with the unchanged SDK, and its images can be planned."""

import ast
import re
from pathlib import Path
from typing import Any

import flyte
import pytest

from boatyard_flyte.lowering import lower
from tests.flyte.images import named
from tests.flyte.projects import write
from tests.flyte.test_lowering_projects import project

ROOT = Path(__file__).parents[2]
BLOCKS = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("code", BLOCKS)
def test_the_code_runs_and_its_images_are_lowered(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(tmp_path, {"pyproject.toml": project("app")}))
    scope: dict[str, Any] = {"flyte": flyte, "Path": Path, "image": named("image")}
    for statement in ast.parse(code).body:
        # An expression is an image that the text only shows: kept, so that it is looked at.
        shown = f"shown_{statement.lineno} = " if isinstance(statement, ast.Expr) else ""
        exec(shown + ast.unparse(statement), scope)  # noqa: S102 - this repository's own text
    found = [value for value in scope.values() if isinstance(value, flyte.Image)]
    found += [value.image for value in scope.values() if isinstance(value, flyte.TaskEnvironment)]
    for image in found:
        assert lower(image).spec
