"""The suites that BOATYARD_LIVE=azure runs against a real account, run in part against Azure on loopback.

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


SOME = (
    "what_was_put",
    "folders",
    "the_same_again",
    "an_upload_url_expires",
    "each_message",
    "a_dead_letter",
    "scopes_do_not_share",
    "one_key_is_made",
)
"""Cases of each suite. All of them run on the same servers in test_contract_…: here only the fixtures differ."""


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
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "-k", " or ".join(SOME), str(LIVE)],
        cwd=ROOT,
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    passed = int(done.stdout.rpartition(" passed")[0].rpartition("\n")[2].rpartition(" ")[2])
    assert passed >= 13, done.stdout[-2000:]
    skipped = {line.rpartition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")}
    assert skipped == {"Blob Storage goes by its own clock"}
    assert list(bucket.keys("")) == [] and vault.names() == []
    for name in queues:
        assert not storage.queues.get_queue_client(name).get_queue_properties().approximate_message_count
