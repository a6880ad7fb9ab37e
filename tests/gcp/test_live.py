"""The suites that BOATYARD_LIVE=gcp runs against a real project, run against Google Cloud on loopback.

The switch and the variables are the same; only the addresses differ. They pass, and leave no resources behind.
"""

import os
import subprocess
import sys
from pathlib import Path

from boatyard_gcp.bucket import GcsBucket
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import PROJECT
from tests.gcp.secrets import Secrets

ROOT = Path(__file__).parent.parent.parent
LIVE = Path(__file__).parent / "live"


def pytest_in(environment: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options, str(LIVE)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_they_pass_and_leave_nothing(bucket: GcsBucket, secrets: Secrets, iam: ApiServer) -> None:
    """Pub/Sub's suite is left out: it needs the emulator, on which test_contract_work_queue.py runs the same suite."""
    named = {"BOATYARD_LIVE": "gcp", "BOATYARD_LIVE_BUCKET": bucket.name, "GOOGLE_CLOUD_PROJECT": PROJECT}
    done = pytest_in({**os.environ, **named}, f"--ignore={LIVE / 'test_work_queue.py'}")
    assert done.returncode == 0, done.stdout[-4000:]
    passed = int(done.stdout.rpartition(" passed")[0].rpartition("\n")[2].rpartition(" ")[2])
    assert passed > 35, done.stdout[-2000:]
    skipped = {line.rpartition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")}
    assert skipped == {"Cloud Storage goes by its own clock"}
    assert list(bucket.keys("")) == [] and secrets.labels == {}


def test_without_their_names_they_are_skipped_and_say_how(bucket: GcsBucket) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("BOATYARD_LIVE")}
    done = pytest_in({**own, "BOATYARD_LIVE": "gcp"})
    assert done.returncode == 0, done.stdout[-4000:]
    assert "GOOGLE_CLOUD_PROJECT is not set" in done.stdout and "tests/contract/README.md" in done.stdout
    assert "BOATYARD_LIVE_BUCKET is not set" in done.stdout
