"""The suites that BOATYARD_LIVE=azure runs against a real account, run in part against Azure on loopback.

The switch and the variables are the same; only the addresses differ. They pass, and leave nothing behind but
deleted secrets.
"""

import os
from pathlib import Path

from boatyard_azure.bucket import BlobBucket
from tests.azure.acr import HOST, AcrTransport
from tests.azure.acr_tasks import HEAD, TASK, AcrTasksServer, PlayedRun
from tests.azure.azurite import ACCOUNT
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.steps import content, run_bare, step_of
from tests.azure.storage import Storage
from tests.azure.tls import authority
from tests.azure.vault import Vault
from tests.contract.live_run import run_live
from tests.registry.at_a_name import ProxyTo


def make_runs_progress(acr_tasks: AcrTasksServer, entra: Entra, storage: Storage, bucket: BlobBucket) -> None:
    """Each look finds a run one state further. The step is the real one."""
    names = {"image": "boatyardtest.azurecr.io/boatyard/builder:1-engine", "client_id": CLIENT_ID, "prefix": "boatyard"}
    text = content(**names, account=ACCOUNT, container=bucket.container, vault="https://vault.example")

    def looked(run: PlayedRun) -> None:
        if run.status == "Running":
            done = run_bare(step_of(text, run), {**entra.of_a_machine, "BOATYARD_BLOB_ENDPOINT": storage.blob.url})
            run.log = f"{HEAD}{done.stdout}".encode()
            run.status = "Succeeded" if done.returncode == 0 else "Failed"
        elif run.status == "Queued":
            run.status = "Running"

    acr_tasks.looked = looked


def test_they_pass_and_leave_nothing(
    bucket: BlobBucket,
    storage: Storage,
    vault: Vault,
    acr: AcrTransport,
    acr_tasks: AcrTasksServer,
    entra: Entra,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    make_runs_progress(acr_tasks, entra, storage, bucket)
    queues = [storage.make_queue("live-events"), storage.make_queue("live-dead-letters")]
    named = {
        "BOATYARD_LIVE": "azure",
        "BOATYARD_LIVE_ACCOUNT": ACCOUNT,
        "BOATYARD_LIVE_BUCKET": bucket.container,
        "BOATYARD_LIVE_QUEUE": queues[0],
        "BOATYARD_LIVE_DEAD_LETTERS": queues[1],
        "BOATYARD_LIVE_VAULT": vault.url,
        "BOATYARD_LIVE_REGISTRY": HOST,
        "BOATYARD_LIVE_ACR_TASK": TASK,
        "REQUESTS_CA_BUNDLE": str(ca_file),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    with ProxyTo(HOST, acr, authority()) as proxy:
        ran = run_live("azure", tmp_path, {**os.environ, **named, "HTTPS_PROXY": proxy.url})
    assert ran.passed >= 18, ran.output[-2000:]
    assert ran.skipped == {"Blob Storage goes by its own clock", "ACR itself cannot be made to fail"}
    assert list(bucket.keys("")) == [] and vault.names() == [] and acr.fake.manifests == {}
    assert sorted(run.status for run in acr_tasks.runs.values()) == ["Succeeded"] * 2
    for name in queues:
        assert not storage.queues.get_queue_client(name).get_queue_properties().approximate_message_count
