"""A stand-in for Secret Manager: secrets with numbered versions, as its documents describe them."""

import base64
import re
import time
from typing import Any

from tests.gcp.discovery import Asked
from tests.gcp.loopback import ALREADY_EXISTS, NOT_FOUND, ApiServer, GoogleError
from tests.gcp.metadata_server import PROJECT

_SECRETS = "secretmanager.projects.secrets"
_VERSIONS = f"{_SECRETS}.versions"
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}\Z")
_NUMBER = "projects/123456789"
"""The service names secrets by the project's number, whatever they were asked by."""


class Secrets:
    def __init__(self, server: ApiServer) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.versions: dict[str, list[tuple[str, bytes]]] = {}
        self.replications: dict[str, Any] = {}
        """(state, value) of each secret's versions, the first one first."""
        for name, answer in {
            f"{_SECRETS}.create": self._create,
            f"{_SECRETS}.patch": self._patch,
            f"{_SECRETS}.delete": self._delete,
            f"{_SECRETS}.list": self._list,
            f"{_SECRETS}.addVersion": self._add,
            f"{_VERSIONS}.get": self._get_version,
            f"{_VERSIONS}.access": self._access,
            f"{_VERSIONS}.list": self._list_versions,
            f"{_VERSIONS}.destroy": self._destroy,
        }.items():
            server.on(name, answer)

    def make(self, identity: str) -> str:
        """Creates a secret without a version, as Terraform does."""
        self.labels[identity], self.versions[identity] = {}, []
        return f"projects/{PROJECT}/secrets/{identity}"

    def values(self, identity: str) -> list[bytes]:
        """The values that can still be read, the oldest first."""
        return [value for state, value in self.versions[identity] if state == "ENABLED"]

    def _create(self, asked: Asked) -> Any:
        identity, labels = asked.query["secretId"], asked.body.get("labels", {})
        if not _ID.match(identity) or not all(_LABEL.match(value) for value in labels.values()):
            raise GoogleError(400, "INVALID_ARGUMENT")
        if identity in self.labels:
            raise ALREADY_EXISTS
        if "replication" not in asked.body:
            raise GoogleError(400, "INVALID_ARGUMENT")
        self.make(identity)
        self.labels[identity] = labels
        self.replications[identity] = asked.body["replication"]
        return self._secret(identity)

    def _patch(self, asked: Asked) -> Any:
        identity = self._named(asked)
        if asked.query.get("updateMask") != "labels":
            raise GoogleError(400, "INVALID_ARGUMENT")
        self.labels[identity] = asked.body["labels"]
        return self._secret(identity)

    def _delete(self, asked: Asked) -> Any:
        identity = self._named(asked)
        del self.labels[identity], self.versions[identity]
        return {}

    def _list(self, asked: Asked) -> Any:
        """Lists a page at a time, which reveals code that reads only the first."""
        wanted = asked.query.get("filter", "").removeprefix("name:")
        names = [name for name in sorted(self.labels) if wanted in name]
        start = int(asked.query.get("pageToken") or 0)
        page = {"secrets": [self._secret(name) for name in names[start : start + 2]]}
        return page | ({"nextPageToken": str(start + 2)} if start + 2 < len(names) else {})

    def _add(self, asked: Asked) -> Any:
        identity = self._named(asked, "parent" if "parent" in asked.params else "name")
        self.versions[identity].append(("ENABLED", base64.b64decode(asked.body["payload"]["data"])))
        return self._version(identity, len(self.versions[identity]))

    def _get_version(self, asked: Asked) -> Any:
        return self._version(*self._numbered(asked))

    def _access(self, asked: Asked) -> Any:
        identity, number = self._numbered(asked)
        state, value = self.versions[identity][number - 1]
        if state != "ENABLED":
            raise GoogleError(400, "FAILED_PRECONDITION")
        name = self._version(identity, number)["name"]
        return {"name": name, "payload": {"data": base64.b64encode(value).decode()}}

    def _list_versions(self, asked: Asked) -> Any:
        identity = self._named(asked, "parent")
        numbers = range(1, len(self.versions[identity]) + 1)
        versions = [self._version(identity, number) for number in numbers]
        wanted = asked.query.get("filter", "").removeprefix("state:")
        return {"versions": [each for each in versions if each["state"] == wanted or not wanted]}

    def _destroy(self, asked: Asked) -> Any:
        identity, number = self._numbered(asked)
        if self.versions[identity][number - 1][0] == "DESTROYED":
            raise GoogleError(400, "FAILED_PRECONDITION")
        self.versions[identity][number - 1] = ("DESTROYED", b"")
        return self._version(identity, number)

    def _named(self, asked: Asked, parameter: str = "name") -> str:
        identity = asked.params[parameter].split("/")[3]
        if identity not in self.labels:
            raise NOT_FOUND
        return identity

    def _numbered(self, asked: Asked) -> tuple[str, int]:
        identity, word = self._named(asked), asked.params["name"].split("/")[5]
        number = len(self.versions[identity]) if word == "latest" else int(word)
        if not 1 <= number <= len(self.versions[identity]):
            raise NOT_FOUND
        return identity, number

    def _secret(self, identity: str) -> dict[str, Any]:
        return {
            "name": f"{_NUMBER}/secrets/{identity}",
            "replication": {"automatic": {}},
            "createTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "labels": self.labels[identity],
        }

    def _version(self, identity: str, number: int) -> dict[str, Any]:
        state = self.versions[identity][number - 1][0]
        return {"name": f"{_NUMBER}/secrets/{identity}/versions/{number}", "state": state}
