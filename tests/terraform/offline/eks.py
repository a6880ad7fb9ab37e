"""What moto's EKS lacks: access entries, Pod Identity associations and add-ons, as far as Terraform asks for them.

https://docs.aws.amazon.com/eks/latest/APIReference. Metadata only, as the rest of moto's EKS is.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote

ACCOUNT: Final = "123456789012"
_PATH: Final = re.compile(
    r"/clusters/(?P<cluster>[^/]+)/(?P<kind>access-entries|pod-identity-associations|addons)(?:/(?P<id>.+))?\Z"
)
_IN_AN_ANSWER: Final = {
    "access-entries": "accessEntry",
    "pod-identity-associations": "association",
    "addons": "addon",
}
_IN_A_LIST: Final = {"access-entries": "accessEntries", "pod-identity-associations": "associations", "addons": "addons"}
_NAMED_BY: Final = {"access-entries": "principalArn", "addons": "addonName"}
_SINCE: Final = 1_700_000_000.0

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class WithEks:
    """WSGI middleware: answers these paths itself and leaves everything else to moto."""

    def __init__(self, moto: Application) -> None:
        self._moto = moto
        self._things: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}

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
            thing = _made(cluster, kind, body, len(things))
            things[_name(kind, thing)] = thing
        elif not name:
            listed = list(things) if kind != "pod-identity-associations" else list(things.values())
            return _answer(start_response, "200 OK", {_IN_A_LIST[kind]: listed})
        elif name not in things:
            return _answer(start_response, "404 Not Found", {"message": f"no {kind} {name}"})
        else:
            thing = things.pop(name) if method == "DELETE" else things[name]
        return _answer(start_response, "200 OK", {_IN_AN_ANSWER[kind]: thing})


def _name(kind: str, thing: dict[str, Any]) -> str:
    return str(thing[_NAMED_BY.get(kind, "associationId")])


def _made(cluster: str, kind: str, body: dict[str, Any], number: int) -> dict[str, Any]:
    arn = f"arn:aws:eks:eu-west-1:{ACCOUNT}"
    common = {"clusterName": cluster, "createdAt": _SINCE, "modifiedAt": _SINCE, "tags": body.get("tags", {})}
    if kind == "access-entries":
        given = {"username": body["principalArn"], "type": "STANDARD", **body}
        return {**given, **common, "accessEntryArn": f"{arn}:access-entry/{cluster}/{number}"}
    if kind == "addons":
        version = {"addonVersion": "v1.0.0-eksbuild.1", "status": "ACTIVE", "health": {"issues": []}}
        associations = [f"{arn}:podidentityassociation/{cluster}/a-addon{number}" for _ in body.get("podIdentityAssociations", [])]
        return {
            "addonName": body["addonName"],
            "addonArn": f"{arn}:addon/{cluster}/{body['addonName']}/{number}",
            **common,
            **version,
            "podIdentityAssociations": associations,
        }
    identity = f"a-{number:017d}"
    return {**body, **common, "associationId": identity, "associationArn": f"{arn}:podidentityassociation/{cluster}/{identity}"}


def _answer(start_response: StartResponse, status: str, document: dict[str, Any]) -> Iterable[bytes]:
    body = json.dumps(document).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status.startswith("404"):
        headers.append(("x-amzn-ErrorType", "ResourceNotFoundException"))
    start_response(status, headers)
    return [body]
