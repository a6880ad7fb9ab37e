"""A cluster that exists before Boatyard: the loopback API server and kubelet of tests/kubernetes, with EKS's
authentication.

A bearer token is a presigned sts:GetCallerIdentity: the authenticator sends it to STS and looks up the access entry of
the role in the answer (https://github.com/kubernetes-sigs/aws-iam-authenticator). Other callers are refused.
"""

import base64
import functools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from boatyard.settings import Settings
from tests.beside import ENGINE
from tests.kubernetes.loopback import LoopbackCluster
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.loopback.rbac import User
from tests.terraform.offline.account import Account
from tests.terraform.offline.eks import AUTHORITY, ENDPOINT

CLUSTER: Final = "runs"
BUILDER_IMAGE: Final = "registry.test/builder:1"
_PREFIX: Final = "k8s-aws-v1."
_ROLE: Final = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/")


class ClusterOnLoopback:
    def __init__(self, account: Account, folder: Path) -> None:
        self._account = account
        self.loopback = LoopbackCluster(ticking=True)
        self.loopback.server.users = self.authenticate
        self.kubelet = ProcessKubelet(
            self.loopback, folder / "pods", images={BUILDER_IMAGE}, programs={"python": [sys.executable]}
        )
        account.client("eks").create_cluster(
            name=CLUSTER,
            roleArn="arn:aws:iam::123456789012:role/eks",
            resourcesVpcConfig={},
            tags={ENDPOINT: self.loopback.server.url, AUTHORITY: _authority()},
        )

    def image_builder(self) -> dict[str, Any]:
        """Settings with this machine's BuildKit and registry instead of a cluster's."""
        settings = engine_settings()
        return {
            "authenticationType": "noop",
            "baseImages": [{"match": rule.match, "image": rule.image} for rule in settings.base_images],
            "buildkit": {"driver": settings.buildkit.driver},
            "defaultRepository": settings.default_repository,
            "insecureRegistries": list(settings.insecure_registries),
            "kubernetes": {"builderImage": BUILDER_IMAGE},
            "network": {"caBundle": settings.network.ca_bundle, "mode": settings.network.mode},
        }

    def authenticate(self, token: str) -> User | None:
        if not token.startswith(_PREFIX):
            return None
        text = token.removeprefix(_PREFIX)
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        # One address serves all of moto's services; whose call it is, it reads in a header only.
        signed = dict(parse_qsl(urlsplit(url).query))
        authorization = f"{signed['X-Amz-Algorithm']} Credential={signed['X-Amz-Credential']}, Signature=moved"
        headers = {"x-k8s-aws-id": CLUSTER, "authorization": authorization}
        answer = httpx.get(url, headers=headers, trust_env=False)
        if answer.status_code != httpx.codes.OK:
            return None
        if not (found := _ROLE.search(answer.text)):
            return None
        principal = f"arn:aws:iam::{found[1]}:role/{found[2]}"
        url = f"{self._account.url}/clusters/{CLUSTER}/access-entries/{quote(principal, safe='')}"
        entry = httpx.get(url, trust_env=False)
        if entry.status_code != httpx.codes.OK:
            return None
        return User(principal, (*entry.json()["accessEntry"]["kubernetesGroups"], "system:authenticated"))

    def close(self) -> None:
        self.kubelet.close()
        self.loopback.close()


def engine_settings() -> Settings:
    """Waits for the engine: these tests run beside its start."""
    from boatyard_local.settings import load_settings
    from tests.kubernetes.whole import CONFIG

    _engine_started()
    return load_settings(CONFIG, {})


@functools.cache
def _engine_started() -> None:
    done = subprocess.run(ENGINE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"the engine did not start:\n{done.stdout}"


def engine_variables() -> dict[str, str]:
    """Variables that only this machine needs: the way to its engine."""
    buildkit = engine_settings().buildkit
    return {
        "BOATYARD_BUILDKIT__DOCKER": buildkit.docker,
        "BOATYARD_BUILDKIT__DOCKER_HOST": buildkit.docker_host,
        "BOATYARD_BUILDKIT__DOCKER_CONFIG": buildkit.docker_config,
        "BOATYARD_BUILDKIT__BUILDER": buildkit.builder,
        "BOATYARD_UV__DIRECTORY": engine_settings().uv.directory,
        "BOATYARD_CACHE__REPOSITORY": "",
    }


def _authority() -> str:
    """Any certificate: the loopback uses http, but a client reads the authority."""
    import certifi

    first = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    pem = first[0][first[0].index("-----BEGIN") :] + first[1]
    return base64.b64encode(pem.encode()).decode()
