"""modules/kubernetes creates the objects that `python -m boatyard_kubernetes manifests` prints, for any settings."""

import json
import tomllib
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_kubernetes.buildkitd import CONFIGURATION
from boatyard_kubernetes.manifests import all_objects, documents
from boatyard_kubernetes.supervisor import SCRIPT
from boatyard_kubernetes.topology import Topology, choose
from tests.terraform.conftest import initialised
from tests.terraform.generated import settings
from tests.terraform.objects import as_the_provider_can, by_name, objects
from tests.terraform.offline.cli import INFRA, Terraform
from tests.terraform.offline.mirror import Providers
from tests.terraform.planned import planned

pytestmark = pytest.mark.integration
SUBJECT: Final = {"kind": "Group", "name": "boatyard:function"}
IDENTITY: Final = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/builder"}
NAMED: Final[dict[str, dict[str, Any]]] = {
    "as it comes": {},
    "a host that is insecure and mirrored": {
        "insecureRegistries": ["z.test:5000", "r.test"],
        "registryMirrors": {"r.test": "m.test/r", "docker.io": "m.test/docker"},
    },
    "the host's network": {"network": {"mode": "host"}},
    "a buildkitd beside each job": {"buildkit": {"enabled": False}},
    "no pod may run BuildKit": {"kubernetes": {"runBuildkit": False}},
    "a buildkitd elsewhere": {"buildkitUri": "tcp://elsewhere:1234"},
    "the namespaces' own service account": {"kubernetes": {"serviceAccount": "default", "imagePullSecrets": ["pull"]}},
}
"""Each case has its own purpose; the generated ones find what nobody thought of."""
CASES: Final = {**NAMED, **{f"seed {seed}": settings(seed) for seed in range(40)}}
ROOT: Final[dict[str, Any]] = {
    "locals": {
        "cases": '${jsondecode(file("cases.json"))}',
        "identity": {"service_account_annotations": IDENTITY},
    },
    "module": {
        "settings": {
            "source": "../settings",
            "for_each": "${local.cases}",
            "image_builder": "${each.value}",
            "given": "${each.value}",
            "projects": {"shop": {"domains": ["development", "production"]}},
            "authentication_type": "aws",
            "cache_repository": "",
            "default_repository": "r.test/made",
            "driver": "buildctl",
        },
        "kubernetes": {
            "source": "../kubernetes",
            "for_each": "${module.settings}",
            "name": "boatyard",
            "namespaces": "${{for name in values(each.value.namespaces) : name => local.identity}}",
            "service_account": "${each.value.image_builder.kubernetes.serviceAccount}",
            "image_pull_secrets": "${coalesce(each.value.image_builder.kubernetes.imagePullSecrets, [])}",
            "function_subjects": [SUBJECT],
            "config_map": {
                "name": "${each.value.image_builder.targetConfigMapName}",
                "data": {"settings.json": "${each.value.json}"},
            },
            "pod_security": "${each.value.pod_security}",
            "buildkitd": "${each.value.buildkitd}",
        },
    },
    "output": {"settings": {"value": "${{for case, made in module.settings : case => made.json}}"}},
}
"""As a cloud's root calls the two."""


class Case(NamedTuple):
    settings: Settings
    objects: dict[tuple[str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory, configuration: Providers) -> dict[str, Case]:
    """One plan for all cases: most of its time is Terraform's start."""
    terraform = Terraform(tmp_path_factory.mktemp("kubernetes") / "terraform", "modules/cases", configuration)
    terraform.folder.mkdir()
    (terraform.folder / "main.tf.json").write_text(json.dumps(ROOT))
    (terraform.folder / "cases.json").write_text(json.dumps(CASES))
    outputs, resources = planned(initialised(terraform), ("kubernetes", "tls"))
    sorted_out: dict[str, dict[str, Any]] = {case: {} for case in CASES}
    for address, values in resources.items():
        sorted_out[address.split('"')[1]][address] = values
    return {
        case: Case(msgspec.json.decode(outputs["settings"][case], type=Settings), by_name(objects(sorted_out[case])))
        for case in CASES
    }


@pytest.mark.parametrize("case", CASES)
def test_terraform_and_kubectl_give_a_cluster_the_same_objects(plans: dict[str, Case], case: str) -> None:
    settings, found = plans[case]
    namespaces = settings.kubernetes.namespaces
    made = all_objects(settings, namespaces=namespaces, subject=SUBJECT, service_account_annotations=IDENTITY)
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


def test_the_generated_settings_reach_every_topology(plans: dict[str, Case]) -> None:
    chosen = [choose(each.settings) for case, each in plans.items() if case not in NAMED]
    assert all(chosen.count(topology) >= 3 for topology in Topology) and chosen.count(Topology.MANAGED) >= 12


def test_both_carry_one_script() -> None:
    assert (INFRA / "modules" / "kubernetes" / "supervisor.sh").read_text(encoding="utf-8") == SCRIPT
