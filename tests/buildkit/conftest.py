import os
from pathlib import Path

import pytest

from tests.buildkit.engine import ROOT, Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Fails if no engine runs: tests with the real engine are never skipped silently."""
    path = Path(os.environ.get("BOATYARD_SETTINGS", ROOT / ".boatyard" / "boatyard.toml"))
    if not path.is_file():
        pytest.fail(f"no engine: {path} does not exist; `make test` starts one")
    return Engine(path)
