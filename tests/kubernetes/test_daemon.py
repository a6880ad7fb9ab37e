"""A buildkitd in a job's pod starts like the managed one: configuration, first process, probes and trust."""

import base64
import tomllib
from typing import Any

import kubernetes_validate
import msgspec
import pytest

from boatyard import lifecycle
from boatyard.settings import Settings
from boatyard_kubernetes.buildkitd import buildkitd_objects
from boatyard_kubernetes.job_object import job_object, plan_object
from boatyard_kubernetes.manifests import documents
from boatyard_kubernetes.supervisor import SCRIPT
from tests.local.jobs import job

CASES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "plain http": {"insecureRegistries": ["r.test:5000"]},
    "mirrors": {
        "registryMirrors": {"docker.io": "r.test/docker", "r.test": "m.test"},
        "insecureRegistries": ["r.test"],
    },
    "a company's authority": {"kubernetes": {"caConfigMap": "company-ca"}},
    "the host's network": {"network": {"mode": "host"}},
    "a name that needs quotes": {"insecureRegistries": ['a"]\n[evil', "b\\c"]},
}


def settings(case: dict[str, Any], *, managed: bool) -> Settings:
    own = {"builderImage": "r.test/builder:1", **case.get("kubernetes", {})}
    return msgspec.convert({**case, "buildkit": {"enabled": managed}, "kubernetes": own}, Settings)


def beside_a_job(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Container, volumes by name, and the buildkitd.toml that it reads."""
    chosen, made = settings(case, managed=False), job()(1)
    owner = job_object(made, lifecycle.queued(made, now=0), 1, chosen, "a-b")
    assert owner.metadata
    owner.metadata.uid = "00000000-0000-4000-8000-000000000000"
    plan = plan_object(made, owner, chosen).to_dict()
    kubernetes_validate.validate(owner.to_dict(), "1.32", strict=True)
    pod = owner.to_dict()["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    config = volumes["buildkitd-config"]["secret"]
    assert config["secretName"] == plan["metadata"]["name"]
    assert config["items"] == [{"key": "buildkitd.toml", "path": "buildkitd.toml"}], "of the plan it sees nothing else"
    return pod["initContainers"][0], volumes, base64.b64decode(plan["data"]["buildkitd.toml"]).decode()


def managed(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], str]:
    found = {document["kind"]: document for document in documents(buildkitd_objects(settings(case, managed=True)))}
    kubernetes_validate.validate(found["StatefulSet"], "1.32", strict=True)
    pod = found["StatefulSet"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return pod["containers"][0], volumes, found["ConfigMap"]["data"]["buildkitd.toml"]


@pytest.mark.parametrize("case", CASES)
def test_both_buildkitds_are_configured_alike(case: str) -> None:
    sidecar, volumes, toml = beside_a_job(CASES[case])
    other, others, expected = managed(CASES[case])
    assert toml == expected
    chosen = settings(CASES[case], managed=True)
    registries = tomllib.loads(toml).get("registry", {})
    assert set(registries) == {*chosen.insecure_registries, *chosen.registry_mirrors}
    for host, table in registries.items():
        assert table.get("http", False) is (host in chosen.insecure_registries)
        assert table.get("mirrors", []) == [m for h, m in chosen.registry_mirrors.items() if h == host]
    for same in ("command", "env", "startupProbe", "securityContext", "terminationMessagePolicy", "image"):
        assert sidecar.get(same) == other.get(same), same
    assert [word for word in other["args"] if "tcp" not in word and "tls" not in word] == sidecar["args"]
    assert "--config=/etc/buildkit/buildkitd.toml" in sidecar["args"]
    for container in (sidecar, other):
        paths = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert paths["/etc/buildkit"]["readOnly"]
        assert ("/boatyard/ca" in paths) is bool(chosen.kubernetes.ca_config_map)
    if chosen.kubernetes.ca_config_map:
        assert sidecar["env"] == [{"name": "SSL_CERT_FILE", "value": "/boatyard/ca/ca.crt"}]
        assert "optional" not in volumes["ca"]["configMap"] and others["ca"]["configMap"]["optional"]


def test_what_a_buildkitd_says_as_it_ends_is_kept_and_a_slow_start_is_no_end() -> None:
    for container, _, _ in (beside_a_job({}), managed({})):
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
        probe = container["startupProbe"]
        assert probe["timeoutSeconds"] >= 10 and probe["failureThreshold"] * probe["periodSeconds"] >= 120
        assert container["command"] == ["/bin/sh", "-c", SCRIPT, "buildkitd"]
