"""The example of the README runs."""

import re
from pathlib import Path

import pytest

from tests.client.service import DIGEST, MemoryService
from tests.client.trees import make

README = Path(__file__).parents[2] / "adapters" / "client" / "README.md"


def test_the_example_builds_an_image(
    folder: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(folder / "web", {"index.html": b"hello"})
    monkeypatch.setenv("BOATYARD_URL", service.url)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    exec(compile(example, str(README), "exec"), {})  # noqa: S102 - our own text
    assert capsys.readouterr().out.endswith(f"@{DIGEST}\n")
