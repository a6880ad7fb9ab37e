"""Request -> the worker -> AKS -> Job -> pod -> BuildKit -> registry.

The pod is a process with the pod's own command and variables. The registry takes ACR's tokens alone, and the pod gets
them as on AKS: its federated token, for one of Entra ID, for one of ACR, by the shipped credential helper.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from boatyard.settings import Settings
from tests.azure.aks import AUDIENCE, CLUSTER, AksCluster, give, kubeconfig
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.host import Host
from tests.azure.image_registry import AcrImages
from tests.azure.resource_manager import ResourceManager
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.whole import BASE, IMAGE, real_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcrImages]:
    with AcrImages(tmp_path, entra) as made:
        folder = tmp_path / "bin"
        folder.mkdir()
        made.write_helper(folder)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield made


@pytest.fixture
def chosen(registry: AcrImages) -> Settings:
    settings = real_settings(serviceAccount="builder", podLabels={"azure.workload.identity/use": "true"})
    return msgspec.structs.replace(
        settings,
        authentication_type="azure",
        default_repository=f"{registry.address}/images",
        insecure_registries=(*settings.insecure_registries, registry.address),
    )


@pytest.fixture
def dataplane(
    chosen: Settings, entra: Entra, arm: ResourceManager, ca_file: Path, tmp_path: Path
) -> Iterator[AksCluster]:
    made = AksCluster(chosen, entra, ticking=True)
    made.make_builder(CLIENT_ID)
    entra.assertion = f"token of system:serviceaccount:ml-dev:builder for {AUDIENCE}"
    give(arm, kubeconfig(**made.address))
    programs, node = {"python": [sys.executable]}, {"SSL_CERT_FILE": str(ca_file)}
    kubelet = ProcessKubelet(made.cluster, tmp_path / "pods", images={IMAGE}, programs=programs, network=node)
    yield made
    kubelet.close()
    made.close()


@pytest.fixture
def host(
    run_host: Callable[[dict[str, str]], Host], deployment: dict[str, str], chosen: Settings, dataplane: AksCluster
) -> Host:
    kubernetes = {
        "BOATYARD_RUNNER": "kubernetes",
        "BOATYARD_CLUSTER": CLUSTER,
        "BOATYARD_SETTINGS": msgspec.json.encode(chosen).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": chosen.default_repository,
    }
    return run_host({**deployment, **kubernetes})


def test_a_request_is_built_in_the_cluster_and_pushed_as_the_pods_own_identity(
    host: Host, dataplane: AksCluster, registry: AcrImages
) -> None:
    layers = [{"commands": {"cmd": [f"echo {time.time_ns()} > /made"]}}]
    spec = {"baseImage": BASE, "pythonVersion": "3.11", "layers": layers}
    order = {"spec": spec, "project": "ml", "domain": "dev", "target": {"name": "aks"}}
    asked = host.ask("POST", "/v1/builds", order)
    assert asked.status == 202 and not asked.document["joined"], (asked, host.worker.log())
    build_id = asked.document["id"]
    again = host.ask("POST", "/v1/builds", order)
    assert (again.status, again.document["id"], again.document["joined"]) == (202, build_id, True)

    deadline, build = time.monotonic() + 120, {"state": "PENDING"}
    while build["state"] in ("PENDING", "QUEUED", "RUNNING") and time.monotonic() < deadline:
        build = host.ask("GET", f"/v1/builds/{build_id}", query="wait=5").document
    log = host.ask("GET", f"/v1/builds/{build_id}/logs").document
    assert build["state"] == "SUCCEEDED", (build, log)
    assert build["image"].startswith(f"{registry.address}/images/aks@sha256:")
    assert registry.pushes and registry.exchanged, "the image was pushed with the pod's own identity"

    cached = host.ask("POST", "/v1/builds", order)
    assert (cached.status, cached.document["cached"], cached.document["image"]) == (200, True, build["image"])
    assert len(dataplane.cluster.objects("Job")) == 1
    assert not any(token in str((build, log)) for token in registry.pushes)
