"""A valid request of every operation and every layer kind, as input for mutations."""

import json
from typing import Any, Final

from flyteidl2.imagebuilder import payload_pb2

from boatyard.api import Request
from tests.fuzz.largest import BASE, CONTEXT, GET_IMAGE, sent

CANARY: Final = "hunter2-canary"
"""The value of every secret: no answer may hold it."""
_SECRETS: Final = [{"key": "TOKEN", "group": "ci"}, {"key": "FILE", "mountPath": "/run/x"}, {"key": "E", "envVar": "E"}]
LAYERS: Final[list[dict[str, Any]]] = [
    {"aptPackages": {"packages": ["git", "curl=7.*"], "secretMounts": _SECRETS[:1]}},
    {
        "pipPackages": {
            "packages": ["pandas>=2,<3", "requests[socks]==2.*; python_version > '3.8'", "x @ https://e.example/x.whl"],
            "options": {
                "indexUrl": "https://u:$ci_TOKEN@i.example/simple",
                "extraIndexUrls": ["https://e.example"],
                "pre": True,
                "extraArgs": "--no-deps 'a b' $ci_TOKEN",
            },
            "secretMounts": _SECRETS,
        }
    },
    {"requirements": {"file": "0/requirements.txt", "options": {"extraArgs": "--no-deps"}}},
    {"pythonWheels": {"dir": "1/dist", "packageName": "demo[x]"}},
    {"commands": {"cmd": ["apt-get update && echo 'a'", "x\ny"], "secretMounts": _SECRETS[1:]}},
    {"env": {"envVariables": {"PATH": "/x:$PATH", "A": "line\nline", "B": "'\"\\$"}}},
    {"workdir": {"workdir": "/srv/$NAME"}},
    {"copyConfig": {"src": "2/app [1]*", "dst": "/srv/${NAME}"}},
    {"uvProject": {"pyproject": "3/app", "uvlock": "3/uv.lock", "sourceDir": "3",
                   "options": {"extraArgs": "--no-install-project"}}},
    {"uvProject": {"pyproject": "3/app"}},
    {"uvScript": {"script": "3/s.py", "lock": "3/s.py.lock", "sourceDir": "3"}},
    {"poetryProject": {"pyproject": "4", "poetryLock": "4/poetry.lock", "extraArgs": "--no-root", "sourceDir": "4"}},
]  # fmt: skip
DOCKERFILE: Final = """# syntax=docker/dockerfile:1
ARG BASE=python:3.12
FROM ${BASE} AS base
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=TOKEN,env=T pip install six \\
  # a comment
  && true
RUN <<EOF cat
$A
EOF
COPY --from=base --chown=1:1 ["a b", "/x"]
ENV A=b C="d e" \\
    F=${A:-x}
FROM scratch
COPY --from=0 /x /y
ONBUILD RUN true
HEALTHCHECK --interval=5s CMD true
"""
_TREES: Final = {path: "a" * 64 for path in ("0/requirements.txt", "1/dist", "2/app", "3", "3/app", "4")}


def orders(path: str) -> list[Request]:
    context = {**CONTEXT, "trees": _TREES}
    whole = {"project": "ml", "domain": "development", "target": {"registry": "ghcr.io/acme", "name": "app"}}
    whole |= {"registrySecret": "pull", "force": True, "tags": ["ghcr.io/acme/app:v1"], "context": context}
    return [
        *(sent("POST", path, {"spec": {**BASE, "layers": [layer]}, "context": context}) for layer in LAYERS),
        sent("POST", path, {"spec": {**BASE, "layers": LAYERS, "platform": ["linux/arm64", "linux/amd64"]}, **whole}),
        sent("POST", path, {"spec": {"dockerfile": DOCKERFILE}, "context": CONTEXT}),
        sent(
            "POST",
            path,
            {
                "spec": {
                    "dockerfile": DOCKERFILE,
                    "dockerfileEncoding": "latin-1",
                    "buildArgs": {"BASE": "python:3"},
                    "targetStage": "base",
                },
                "context": CONTEXT,
            },
        ),
        sent("POST", path, {"spec": {"dockerfile": DOCKERFILE, "pythonVersion": "3.12"}, "project": "web"}),
    ]


def examples(build_ids: list[str], image: str) -> list[Request]:
    """`build_ids` are known builds, `image` a reference that the registry has."""
    name = image.rpartition("/")[2]
    message = payload_pb2.GetImageRequest(organization="acme")
    message.id.name = name
    message.project_id.name, message.project_id.domain = "ml", "development"
    asked = {"id": {"name": name}, "organization": "acme", "projectId": {"name": "ml", "domain": "development"}}
    auths = json.dumps({"auths": {"ghcr.io": {"auth": "dTpwdw=="}}, "x": [CANARY]})
    return [
        *orders("/v1/plans"),
        *orders("/v1/builds"),
        sent("POST", "/v1/contexts", {"sha256": "d" * 64, "size": 1_000}),
        *(sent("GET", f"/v1/builds/{each}", wait="0") for each in build_ids),
        *(sent("GET", f"/v1/builds/{each}/logs", cursor="0") for each in build_ids),
        *(sent("POST", f"/v1/builds/{each}/cancel") for each in build_ids[:1]),
        sent("GET", "/v1/builds", project="ml", domain="development", state="RUNNING", pageSize="5"),
        sent("GET", f"/v1/images/{image}"),
        sent("GET", "/v1/images/python:3.12"),
        sent("PUT", "/v1/secrets/TOKEN", {"kind": "build", "value": CANARY, "project": "ml", "domain": "development"}),
        sent("PUT", "/v1/secrets/pull", {"kind": "image_pull", "value": auths}),
        sent("GET", "/v1/secrets", project="ml", domain="development"),
        sent("DELETE", "/v1/secrets/TOKEN", project="ml", domain="development"),
        sent("GET", "/v1/capabilities"),
        sent("GET", "/healthz"),
        sent("GET", "/openapi.json"),
        sent("POST", GET_IMAGE, asked),
        sent("POST", GET_IMAGE, message.SerializeToString(), kind="application/proto"),
        sent("PUT", "/contexts/" + "d" * 64, b"x", kind="application/gzip", size="1", expires="1", token="x"),
    ]
