"""Request -> functions-framework -> GKE by its DNS endpoint -> Job -> pod -> BuildKit -> registry.

The pod is a process with the pod's own command and variables. The registry takes Google's access tokens alone, and the
pod gets them as on GKE: from the metadata server, by the shipped credential helper.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.credential import HELPER
from boatyard_local.clock import SystemClock
from tests.gcp.artifact_registry import HOST
from tests.gcp.functions import Functions
from tests.gcp.gke import Clusters, GkeCluster
from tests.gcp.image_registry import ImageRegistry
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import token
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, variables
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.whole import BASE, IMAGE, real_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(metadata: MetadataServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageRegistry]:
    """The helper answers for Google's hosts alone, so the program in front of it calls this registry by one of them."""
    with ImageRegistry(tmp_path, metadata) as made:
        program = tmp_path / "bin" / HELPER
        program.parent.mkdir()
        own = f"{sys.executable} -m boatyard_gcp.credential"
        there, back = f"s/{made.address}/{HOST}/", f"s/{HOST}/{made.address}/"
        program.write_text(f"#!/bin/bash\nset -o pipefail\nsed '{there}' | {own} \"$@\" | sed '{back}'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        yield made


@pytest.fixture
def chosen(registry: ImageRegistry) -> Settings:
    settings = real_settings(serviceAccount="builder")
    return msgspec.structs.replace(
        settings,
        authentication_type="google",
        default_repository=f"{registry.address}/images",
        insecure_registries=(*settings.insecure_registries, registry.address),
    )


@pytest.fixture
def dataplane(chosen: Settings, metadata: MetadataServer, tmp_path: Path) -> Iterator[GkeCluster]:
    made = GkeCluster(chosen, metadata, clock=SystemClock(), ticking=True)
    account = {"name": "builder", "namespace": "ml-dev"}
    made.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    node = {"GCE_METADATA_HOST": metadata.host}
    programs = {"python": [sys.executable]}
    kubelet = ProcessKubelet(made.cluster, tmp_path / "pods", images={IMAGE}, programs=programs, network=node)
    yield made
    kubelet.close()
    made.close()


@pytest.fixture
def ask(
    chosen: Settings,
    dataplane: GkeCluster,
    metadata: MetadataServer,
    secrets: Secrets,
    iam: ApiServer,
    bucket: GcsBucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., tuple[int, Any]]]:
    """What the function answers to a request."""
    secrets.make(DEPLOYMENT_KEY)
    configured = variables(
        bucket.name,
        BOATYARD_RUNNER="kubernetes",
        BOATYARD_CLUSTER="europe-west1/dataplane",
        BOATYARD_SETTINGS=msgspec.json.encode(chosen).decode(),
        BOATYARD_DEFAULT_REPOSITORY=chosen.default_repository,
    )
    with ExitStack() as stack:
        container = stack.enter_context(ApiServer("container", "v1", metadata))
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", container.url)
        Clusters(container).lead_to(dataplane, "dns")
        public = stack.enter_context(dataplane.ca.cert_pem.tempfile())
        function = stack.enter_context(Functions("api", {**configured, "SSL_CERT_FILE": public}, tmp_path))

        def asked(method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
            headers = {"authorization": f"Bearer {token()}"}
            url = f"{function.url}{path}"
            answer = httpx.request(method, url, json=body, params=query, headers=headers, timeout=60)
            return answer.status_code, answer.json()

        yield asked


def test_a_request_is_built_in_the_cluster_and_pushed_as_the_pods_own_account(
    ask: Callable[..., tuple[int, Any]], dataplane: GkeCluster, registry: ImageRegistry
) -> None:
    layers = [{"commands": {"cmd": [f"echo {time.time_ns()} > /made"]}}]
    spec = {"baseImage": BASE, "pythonVersion": "3.11", "layers": layers}
    order = {"spec": spec, "project": "ml", "domain": "dev", "target": {"name": "gke"}}
    status, asked = ask("POST", "/v1/builds", order)
    assert status == 202 and not asked["joined"], asked
    status, again = ask("POST", "/v1/builds", order)
    assert (status, again["id"], again["joined"]) == (202, asked["id"], True)

    deadline = time.monotonic() + 120
    build: Any = {"state": "PENDING"}
    while build["state"] in ("PENDING", "QUEUED", "RUNNING") and time.monotonic() < deadline:
        status, build = ask("GET", f"/v1/builds/{asked['id']}", wait="5")
    _, log = ask("GET", f"/v1/builds/{asked['id']}/logs")
    assert build["state"] == "SUCCEEDED", (build, log)
    assert build["image"].startswith(f"{registry.address}/images/gke@sha256:")
    assert registry.pushes and registry.refused, "nothing was pushed before the helper was asked"

    status, cached = ask("POST", "/v1/builds", order)
    assert (status, cached["cached"], cached["image"]) == (200, True, build["image"])
    assert len(dataplane.cluster.objects("Job")) == 1
    assert not any(pushed in str((build, log)) for pushed in registry.pushes)
