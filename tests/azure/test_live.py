"""The suites that BOATYARD_LIVE=azure runs against a real account, run against Azure on loopback.

The switch and the variables are the same; only the addresses differ. They pass, and leave nothing behind but
deleted secrets.
"""

import os
import subprocess
import sys
from pathlib import Path

from boatyard_azure.bucket import BlobBucket
from tests.azure.azurite import ACCOUNT
from tests.azure.storage import Storage
from tests.azure.vault import Vault

ROOT = Path(__file__).parent.parent.parent
LIVE = Path(__file__).parent / "live"


def pytest_in(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(LIVE)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_they_pass_and_leave_nothing(bucket: BlobBucket, storage: Storage, vault: Vault, ca_file: Path) -> None:
    queues = [storage.make_queue("live-events"), storage.make_queue("live-dead-letters")]
    named = {
        "BOATYARD_LIVE": "azure",
        "BOATYARD_LIVE_ACCOUNT": ACCOUNT,
        "BOATYARD_LIVE_BUCKET": bucket.container,
        "BOATYARD_LIVE_QUEUE": queues[0],
        "BOATYARD_LIVE_DEAD_LETTERS": queues[1],
        "BOATYARD_LIVE_VAULT": vault.url,
        "REQUESTS_CA_BUNDLE": str(ca_file),
    }
    done = pytest_in({**os.environ, **named})
    assert done.returncode == 0, done.stdout[-4000:]
    passed = int(done.stdout.rpartition(" passed")[0].rpartition("\n")[2].rpartition(" ")[2])
    assert passed > 45, done.stdout[-2000:]
    skipped = {line.rpartition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")}
    assert skipped == {"Blob Storage goes by its own clock"}
    assert list(bucket.keys("")) == [] and vault.names() == []
    for name in queues:
        assert not storage.queues.get_queue_client(name).get_queue_properties().approximate_message_count


def test_without_their_names_they_are_skipped_and_say_how(nowhere: None) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("BOATYARD_LIVE")}
    done = pytest_in({**own, "BOATYARD_LIVE": "azure"})
    assert done.returncode == 0, done.stdout[-4000:]
    for name in ("ACCOUNT", "VAULT"):
        assert f"BOATYARD_LIVE_{name} is not set" in done.stdout
    assert "tests/contract/README.md" in done.stdout
