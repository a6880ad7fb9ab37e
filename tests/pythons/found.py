"""The Pythons that Boatyard supports, with this machine's interpreter of each, or None."""

import json
import sys
from pathlib import Path
from typing import Final

from tests.bundle.scripts import ask

OWN: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_PRINT: Final = """
import json
from interpreters import SUPPORTED, find
print(json.dumps({version: str(find(version) or "") for version in SUPPORTED}))
"""
PYTHONS: Final = {version: Path(path) if path else None for version, path in json.loads(ask(_PRINT)).items()}
