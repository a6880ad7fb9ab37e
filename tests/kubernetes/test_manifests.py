"""Every manifest matches the published schemas, and has the intended contents."""

import base64
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube.resources.batch_v1 import Job

from boatyard import lifecycle
from boatyard.job import JobSecret
from boatyard.settings import Settings
from boatyard_kubernetes.buildkitd import buildkitd_objects
from boatyard_kubernetes.certificates import certificate_secrets
from boatyard_kubernetes.daemon import buildkitd_toml
from boatyard_kubernetes.job_object import job_object, plan_object
from boatyard_kubernetes.manifests import all_objects, documents
from boatyard_kubernetes.topology import pick
from tests.kubernetes.loopback.admission import violations
from tests.local.jobs import job as make_job

TOPOLOGIES = {
    "external": {"buildkitUri": "tcp://buildkitd.elsewhere.svc:1234"},
    "managed": {"kubernetes": {"replicas": 3, "storageClass": "fast"}},
    "daemonless": {"buildkit": {"enabled": False}},
    "none": {"layers": "registry", "kubernetes": {"runBuildkit": False}},
}
SUBJECT = {"kind": "User", "name": "arn:aws:iam::1:role/function"}


def settings(topology: str, **kubernetes: Any) -> Settings:
    chosen: dict[str, Any] = TOPOLOGIES[topology]
    own = {"builderImage": "r/builder:1", **chosen.get("kubernetes", {}), **kubernetes}
    return msgspec.convert({**chosen, "kubernetes": own}, Settings)


def job(chosen: Settings) -> Job:
    made = msgspec.structs.replace(
        make_job(1)(1), secrets=(JobSecret(id="secret-TOKEN", name="TOKEN"),), registry_secrets=("ghcr",)
    )
    return job_object(made, lifecycle.queued(made, now=0), 1, chosen, "a-b")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_all_of_it_fits_the_schemas(topology: str) -> None:
    chosen = settings(
        topology,
        caConfigMap="ca",
        tolerations=[{"key": "builds", "operator": "Exists", "effect": "NoSchedule"}],
        imagePullSecrets=["pull"],
        serviceAccount="builder",
        createNamespaces=True,
    )
    objects = all_objects(
        chosen, namespaces=["a-b"], subject=SUBJECT, service_account_annotations={"eks.amazonaws.com/role-arn": "r"}
    )
    owner = job(chosen)
    assert owner.metadata
    owner.metadata.uid = "00000000-0000-4000-8000-000000000000"
    every = [*documents(objects), owner.to_dict(), plan_object(make_job(1)(1), owner, chosen).to_dict()]
    for document in every:
        kubernetes_validate.validate(document, "1.32", strict=True)
    assert len(every) >= 7


@pytest.mark.parametrize(
    ("topology", "level"), [("external", "restricted"), ("managed", "restricted"), ("none", "restricted")]
)
def test_builds_without_a_buildkitd_of_their_own_are_restricted_pods(topology: str, level: str) -> None:
    assert violations(level, job(settings(topology)).to_dict()["spec"]["template"]["spec"]) == []


def test_a_rootless_daemon_in_the_pod_needs_exactly_what_is_documented() -> None:
    pod = job(settings("daemonless")).to_dict()["spec"]["template"]["spec"]
    assert "hostUsers" not in pod
    found = violations("baseline", pod)
    assert len(found) == 2 and all('"buildkitd"' in problem for problem in found), found
    assert any("seccomp" in problem for problem in found) and any("AppArmor" in problem for problem in found)
    assert not [problem for problem in violations("restricted", pod) if '"build"' in problem]
    assert not any("privileged" in (c.get("securityContext") or {}) for c in pod["initContainers"])


def test_a_daemon_allows_the_network_that_builds_ask_for() -> None:
    allowed = "--allow-insecure-entitlement=network.host"
    for mode in ("default", "host"):
        network = msgspec.structs.replace(settings("daemonless").network, mode=mode)
        pod = job(msgspec.structs.replace(settings("daemonless"), network=network)).to_dict()["spec"]["template"]
        managed = msgspec.structs.replace(settings("managed"), network=network)
        daemon = next(d for d in documents(buildkitd_objects(managed)) if d["kind"] == "StatefulSet")
        for container in (pod["spec"]["initContainers"][0], daemon["spec"]["template"]["spec"]["containers"][0]):
            assert (allowed in container["args"]) is (mode == "host")


def test_a_registry_has_one_table_in_the_daemons_configuration() -> None:
    config = {"insecureRegistries": ["r.test"], "registryMirrors": {"r.test": "m.test/r", "docker.io": "m.test/d"}}
    found = tomllib.loads(buildkitd_toml(msgspec.convert(config, Settings)))["registry"]
    assert found["r.test"] == {"http": True, "insecure": True, "mirrors": ["m.test/r"]}
    assert found["docker.io"] == {"mirrors": ["m.test/d"]}


def test_no_build_sees_the_api_servers_token() -> None:
    for topology in TOPOLOGIES:
        assert job(settings(topology)).to_dict()["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_the_network_policy_keeps_the_metadata_service_away() -> None:
    policies = [d for d in documents(all_objects(settings("managed"), namespaces=[], subject=SUBJECT))]
    policy = next(d for d in policies if d["kind"] == "NetworkPolicy")
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", ())]
    assert {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]} in blocks
    assert (
        policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "build"
    )


def test_a_base_keeps_its_replica_and_few_move_when_one_is_added() -> None:
    bases = [f"python:3.{minor}-{number}" for minor in range(8, 14) for number in range(50)]
    three, four = [pick(base, 3) for base in bases], [pick(base, 4) for base in bases]
    assert {0, 1, 2} == set(three) and three == [pick(base, 3) for base in bases]
    moved = [new for old, new in zip(three, four, strict=True) if old != new]
    assert set(moved) == {3} and len(moved) < len(bases) / 3
    assert pick("anything", 0) == 0


def test_certificates_trust_each_other_and_name_the_replicas() -> None:
    server, client = (s.to_dict() for s in certificate_secrets(settings("managed"), ["a-b"]))
    kubernetes_validate.validate(server, "1.32", strict=True)
    files = [{n: base64.b64decode(v) for n, v in s["data"].items()} for s in (server, client)]
    authority = x509.load_pem_x509_certificate(files[0]["ca.pem"])
    for found in files:
        assert found["ca.pem"] == files[0]["ca.pem"]
        x509.load_pem_x509_certificate(found["cert.pem"]).verify_directly_issued_by(authority)
    leaf = x509.load_pem_x509_certificate(files[0]["cert.pem"])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "*.buildkitd.boatyard-buildkit.svc" in names.get_values_for_type(x509.DNSName)
    assert isinstance(authority.public_key(), ec.EllipticCurvePublicKey)
    assert client["metadata"]["namespace"] == "a-b" and client["metadata"]["name"] == "boatyard-buildkit-client"


def test_the_command_prints_what_kubectl_can_apply(tmp_path: Path) -> None:
    config = tmp_path / "boatyard.toml"
    config.write_text('[kubernetes]\nserviceAccount = "builder"\nnamespaces = ["a-b"]\n')
    program = [sys.executable, "-m", "boatyard_kubernetes", "manifests", "--config", str(config)]
    options = ["--namespace", "a-b", "--subject-name", "fn", "--service-account-annotation", "x.test/role=arn:a=b"]
    done = subprocess.run([*program, *options], capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(done.stdout))
    kinds = [document["kind"] for document in found]
    assert kinds[:3] == ["Namespace", "ServiceAccount", "NetworkPolicy"] and "StatefulSet" in kinds
    assert "ClusterRole" not in kinds, "named namespaces need no right on the whole cluster"
    assert found[1]["metadata"]["annotations"] == {"x.test/role": "arn:a=b"}
    config.write_text("[kubernetes]\nnamespace = 1\n")
    bad = subprocess.run([*program, *options], capture_output=True, text=True, check=False)
    assert bad.returncode == 1 and "namespace" in bad.stderr and "Traceback" not in bad.stderr
