"""modules/kubernetes makes the objects that `python -m boatyard_kubernetes manifests` prints, whatever the settings."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_kubernetes.buildkitd import CONFIGURATION
from boatyard_kubernetes.manifests import all_objects, documents
from boatyard_kubernetes.supervisor import SCRIPT
from boatyard_kubernetes.topology import Topology, choose, client_secret
from tests.terraform.conftest import initialised
from tests.terraform.objects import as_the_provider_can, by_name, objects
from tests.terraform.offline.cli import INFRA, Terraform

pytestmark = pytest.mark.integration
SUBJECT: Final = {"kind": "Group", "name": "boatyard:function"}
NAMESPACES: Final = ("shop-development", "shop-production")
IDENTITY: Final = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/builder"}
CASES: Final[dict[str, dict[str, Any]]] = {
    "as it comes": {},
    "a host that is insecure and mirrored": {
        "insecureRegistries": ["z.test:5000", "r.test"],
        "registryMirrors": {"r.test": "m.test/r", "docker.io": "m.test/docker"},
    },
    "the host's network": {"network": {"mode": "host"}},
    "a company's authority and nodes of its own": {
        "kubernetes": {
            "caConfigMap": "company-ca",
            "nodeSelector": {"builds": "yes"},
            "tolerations": [{"key": "builds", "operator": "Exists", "effect": "NoSchedule"}],
            "imagePullSecrets": ["pull"],
        }
    },
    "three replicas of another size": {
        "kubernetes": {
            "replicas": 3,
            "storageClass": "fast",
            "cacheSize": "200Gi",
            "buildkitImage": "r.test/buildkit:rootless",
            "buildkitNamespace": "builders",
            "clientCertificateSecret": "client",
            "requests": {"cpu": "4", "memory": "16Gi"},
            "limits": {"memory": "32Gi"},
        }
    },
    "a buildkitd beside each job": {"buildkit": {"enabled": False}},
    "a buildkitd elsewhere": {"buildkitUri": "tcp://elsewhere:1234"},
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory, configuration: Path) -> dict[str, dict[str, Any]]:
    """Case -> address -> values. One apply for all: most of it is Terraform's start."""
    terraform = Terraform(tmp_path_factory.mktemp("kubernetes") / "terraform", "modules/cases", configuration)
    terraform.folder.mkdir()
    modules = {
        _label(case): {"source": "../kubernetes", **variables(settings_of(settings))}
        for case, settings in CASES.items()
    }
    (terraform.folder / "main.tf.json").write_text(json.dumps({"module": modules}))
    initialised(terraform).apply()
    resources = terraform.resources()
    return {
        case: {address: values for address, values in resources.items() if f"module.{_label(case)}." in address}
        for case in CASES
    }


def _label(case: str) -> str:
    return re.sub(r"\W", "_", case)


def settings_of(case: dict[str, Any]) -> Settings:
    own = {"serviceAccount": "builder", "namespaces": NAMESPACES, **case.get("kubernetes", {})}
    return msgspec.convert({**case, "kubernetes": own}, Settings)


def variables(settings: Settings) -> dict[str, Any]:
    """As the root module of a cloud gives them."""
    kubernetes = settings.kubernetes
    managed = {
        "namespace": kubernetes.buildkit_namespace,
        "image": kubernetes.buildkit_image,
        "replicas": kubernetes.replicas,
        "cache_size": kubernetes.cache_size,
        "client_certificate_secret": client_secret(settings),
        "ca_config_map": kubernetes.ca_config_map,
        "host_network": settings.network.mode == "host",
        "insecure_registries": settings.insecure_registries,
        "registry_mirrors": settings.registry_mirrors,
        "storage_class": kubernetes.storage_class or None,
        "requests": kubernetes.requests,
        "limits": kubernetes.limits,
        "node_selector": kubernetes.node_selector,
        "tolerations": [
            {name: value or None for name, value in msgspec.structs.asdict(toleration).items()}
            for toleration in kubernetes.tolerations
        ],
    }
    return {
        "name": "boatyard",
        "namespaces": {name: {"service_account_annotations": IDENTITY} for name in NAMESPACES},
        "service_account": kubernetes.service_account,
        "image_pull_secrets": kubernetes.image_pull_secrets,
        "function_subject": SUBJECT,
        "config_map": {"name": settings.target_config_map_name, "data": {"settings.json": "{}"}},
        "pod_security": "privileged" if choose(settings) is Topology.DAEMONLESS else "restricted",
        "buildkitd": managed if choose(settings) is Topology.MANAGED else None,
    }


@pytest.mark.parametrize("case", CASES)
def test_terraform_and_kubectl_give_a_cluster_the_same_objects(applied: dict[str, dict[str, Any]], case: str) -> None:
    settings = settings_of(CASES[case])
    found = by_name(objects(applied[case]))
    made = all_objects(settings, namespaces=NAMESPACES, subject=SUBJECT, service_account_annotations=IDENTITY)
    wanted = by_name(documents(made))
    assert {kind for kind, _, _ in set(found) - set(wanted)} <= {"ConfigMap", "Secret"}, "settings and certificates"
    for name, document in wanted.items():
        if name[0] == "StatefulSet":
            as_the_provider_can(document, found[name], CONFIGURATION)
        assert found[name] == document, name
    if choose(settings) is Topology.MANAGED:
        home = settings.kubernetes.buildkit_namespace
        toml = found["ConfigMap", home, "buildkitd"]["data"]["buildkitd.toml"]
        registries = tomllib.loads(toml).get("registry", {})
        assert set(registries) == {*settings.insecure_registries, *settings.registry_mirrors}


def test_both_carry_one_script() -> None:
    assert (INFRA / "modules" / "kubernetes" / "supervisor.sh").read_text(encoding="utf-8") == SCRIPT
