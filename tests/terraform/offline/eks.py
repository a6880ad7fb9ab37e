"""The parts of EKS that moto lacks: access entries, Pod Identity associations and add-ons, as Terraform uses them.

https://docs.aws.amazon.com/eks/latest/APIReference. Metadata only, as the rest of moto's EKS is.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote

ACCOUNT: Final = "123456789012"
ENDPOINT: Final = "test:endpoint"
AUTHORITY: Final = "test:authority"
"""Tags of a cluster that say where it really is."""
_PATH: Final = re.compile(
    r"/clusters/(?P<cluster>[^/]+)/(?P<kind>access-entries|pod-identity-associations|addons)(?:/(?P<id>.+))?\Z"
)
_IN_AN_ANSWER: Final = {
    "access-entries": "accessEntry",
    "pod-identity-associations": "association",
    "addons": "addon",
}
_IN_A_LIST: Final = {"access-entries": "accessEntries", "pod-identity-associations": "associations", "addons": "addons"}
_NAMED_BY: Final = {
    "access-entries": "principalArn",
    "pod-identity-associations": "associationId",
    "addons": "addonName",
}
_SINCE: Final = 1_700_000_000.0

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class WithEks:
    """WSGI middleware: answers these paths itself and leaves everything else to moto."""

    def __init__(self, moto: Application) -> None:
        self._moto = moto
        self._things: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._made = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # RAW_URI keeps the slash of an ARN apart from those of the path
        raw = str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
        found = _PATH.match(raw)
        if not found:
            return self._moto(environ, start_response)
        cluster, kind, name = found["cluster"], found["kind"], unquote(found["id"] or "")
        things = self._things.setdefault((cluster, kind), {})
        method = environ["REQUEST_METHOD"]
        if method == "POST":
            body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
            thing = self._make(cluster, kind, body)
        elif not name:
            listed = list(things) if kind != "pod-identity-associations" else list(things.values())
            return _answer(start_response, "200 OK", {_IN_A_LIST[kind]: listed})
        elif name not in things:
            return _answer(start_response, "404 Not Found", {"message": f"no {kind} {name}"})
        else:
            thing = things.pop(name) if method == "DELETE" else things[name]
        return _answer(start_response, "200 OK", {_IN_AN_ANSWER[kind]: thing})

    def _make(self, cluster: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        things = self._things.setdefault((cluster, kind), {})
        self._made += 1
        thing = {**body, "clusterName": cluster, "createdAt": _SINCE, "modifiedAt": _SINCE}
        if kind == "access-entries":
            thing = {
                "username": body["principalArn"],
                "type": "STANDARD",
                **thing,
                "accessEntryArn": self._arn("access-entry"),
            }
        elif kind == "pod-identity-associations":
            identity = f"a-{self._made:017d}"
            thing |= {
                "associationId": identity,
                "associationArn": self._arn(f"podidentityassociation/{cluster}", identity),
            }
        else:
            made = [
                self._make(cluster, "pod-identity-associations", {**asked, "namespace": "kube-system"})
                for asked in body.get("podIdentityAssociations", [])
            ]
            thing |= {
                "addonArn": self._arn("addon"),
                "addonVersion": "v1.0.0-eksbuild.1",
                "status": "ACTIVE",
                "health": {"issues": []},
                "podIdentityAssociations": [association["associationArn"] for association in made],
            }
        things[str(thing[_NAMED_BY[kind]])] = thing
        return thing

    def _arn(self, kind: str, identity: str = "") -> str:
        return f"arn:aws:eks:eu-west-1:{ACCOUNT}:{kind}/{identity or self._made}"


def _answer(start_response: StartResponse, status: str, document: dict[str, Any]) -> Iterable[bytes]:
    body = json.dumps(document).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status.startswith("404"):
        headers.append(("x-amzn-ErrorType", "ResourceNotFoundException"))
    start_response(status, headers)
    return [body]


def complete_clusters() -> None:
    """Adds what moto's clusters lack: an address, an authority's certificate and a security group."""
    # seconds, which no worker that only collects should spend
    from moto.ec2.models import ec2_backends
    from moto.eks.models import EKSBackend

    create, delete = EKSBackend.create_cluster, EKSBackend.delete_cluster

    def create_cluster(self: EKSBackend, *args: Any, **named: Any) -> Any:
        cluster = create(self, *args, **named)
        tags = cluster.tags
        cluster.certificate_authority = {"data": tags.get(AUTHORITY) or base64.b64encode(b"an authority").decode()}
        cluster.endpoint = tags.get(ENDPOINT) or cluster.endpoint
        network = ec2_backends[self.account_id][self.region_name]
        subnets = cluster.resources_vpc_config.get("subnetIds") or []
        if subnets:
            vpc = network.get_subnet(subnets[0]).vpc_id
            group = network.create_security_group(f"eks-cluster-sg-{cluster.name}", "made by EKS", vpc_id=vpc)
            cluster.resources_vpc_config |= {"clusterSecurityGroupId": group.id, "vpcId": vpc}
        return cluster

    def delete_cluster(self: EKSBackend, name: str) -> Any:
        cluster = delete(self, name)
        if group := cluster.resources_vpc_config.get("clusterSecurityGroupId"):
            ec2_backends[self.account_id][self.region_name].delete_security_group(group_id=group)
        return cluster

    EKSBackend.create_cluster = create_cluster
    EKSBackend.delete_cluster = delete_cluster
