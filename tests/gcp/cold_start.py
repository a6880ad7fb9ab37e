"""Measures the first answer of a function instance, compared with a minimal function with google-auth.

Both are new processes of functions-framework from the same installed bundle: the interpreter starts, the function is
imported, one request is answered from a registry on loopback with a token of the metadata server. `compare` returns the
times; tests/bench makes a table of them.
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.gcp.installed import Around, Installed, Process, install, make_bundle, running
from tests.gcp.site import order
from tests.registry.server import OCI_INDEX, OCI_MANIFEST

BARE = """\
import os

import functions_framework
from google.auth.compute_engine import Credentials
from google.auth.transport.requests import AuthorizedSession

session = AuthorizedSession(Credentials())


@functions_framework.http
def api(request):
    found = session.head(os.environ["MANIFEST"], headers={"Accept": os.environ["MANIFEST_TYPES"]})
    found.raise_for_status()
    return {"image": found.headers["docker-content-digest"]}
"""


@dataclass(frozen=True)
class Start:
    """Seconds that one instance takes."""

    init: float
    """Until it takes a connection."""
    first: float
    """Until the first answer, `init` included: what a caller waits."""
    warm: float
    """The second answer."""


@dataclass(frozen=True)
class ColdStarts:
    bare: tuple[Start, ...]
    ours: tuple[Start, ...]

    def ratio(self, part: str) -> float:
        """Our median divided by the bare function's."""
        return self.median("ours", part) / self.median("bare", part)

    def median(self, side: str, part: str) -> float:
        return statistics.median(getattr(start, part) for start in getattr(self, side))


def compare(runs: int, bundle: Path | None = None) -> ColdStarts:
    """Alternates between both, so that they run under the same conditions."""
    with Around() as around, tempfile.TemporaryDirectory(prefix="boatyard-cold-") as scratch:
        place = Path(scratch)
        installed = install(bundle or make_bundle(place), place / "installed")
        bare = place / "bare"
        bare.mkdir()
        (bare / "main.py").write_text(BARE)
        with running(installed, around.environment, place / "log") as process:
            plan = process.plan()
        around.push(plan)
        _, _, path = plan["target"].partition("/")
        name, _, tag = path.rpartition(":")
        around.environment["MANIFEST"] = f"http://{around.registry.address}/v2/{name}/manifests/{tag}"
        around.environment["MANIFEST_TYPES"] = f"{OCI_INDEX}, {OCI_MANIFEST}"
        return _compare(runs, installed, bare, around, place / "log")


def _compare(runs: int, installed: Installed, bare: Path, around: Around, log: Path) -> ColdStarts:
    starts: dict[str, list[Start]] = {"bare": [], "ours": []}
    sources = {"bare": bare, "ours": installed.source}
    for number in range(runs):
        for side in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
            with running(installed, around.environment, log, source=sources[side]) as process:
                answer(process)
                first = time.perf_counter() - process.began
                again = time.perf_counter()
                answer(process)
                warm = time.perf_counter() - again
                starts[side].append(Start(init=process.ready - process.began, first=first, warm=warm))
    return ColdStarts(tuple(starts["bare"]), tuple(starts["ours"]))


def answer(process: Process) -> httpx.Response:
    found = process.post("/v1/builds", order())
    assert found.status_code == 200 and "sha256:" in found.json()["image"], found.text
    return found
