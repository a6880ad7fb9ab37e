"""Artifact Registry on loopback: an OCI registry that requires a bearer token, and the API of repositories according to
its documents."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from boatyard_registry.deadline import Deadline
from boatyard_registry.http_transport import HttpTransport
from boatyard_registry.transport import Answer
from tests.gcp.discovery import Asked
from tests.gcp.loopback import ALREADY_EXISTS, NOT_FOUND, ApiServer
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.registry.server import PASSWORD, USER, FakeRegistry

LOCATION: Final = "europe-west1"
HOST: Final = f"{LOCATION}-docker.pkg.dev"
_REPOSITORIES: Final = "artifactregistry.projects.locations.repositories"
GET, CREATE, DELETE = (f"{_REPOSITORIES}.{verb}" for verb in ("get", "create", "delete"))
_OPERATIONS: Final = "artifactregistry.projects.locations.operations.get"


class Repositories:
    """`found` has the repositories by their full names."""

    def __init__(self, server: ApiServer) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.looks = 0
        """How often an operation is looked at before it is done."""
        self.failure: dict[str, Any] | None = None
        """How the next operation ends."""
        self._left = 0
        self._name = ""
        server.on(GET, self._get)
        server.on(CREATE, self._create)
        server.on(DELETE, self._delete)
        server.on(_OPERATIONS, self._look)

    def make(self, name: str, *, project: str = PROJECT, immutable: bool = False) -> str:
        full = f"projects/{project}/locations/{LOCATION}/repositories/{name}"
        self.found[full] = {"name": full, "format": "DOCKER", "dockerConfig": {"immutableTags": immutable}}
        return full

    def _get(self, asked: Asked) -> Any:
        if asked.params["name"] not in self.found:
            raise NOT_FOUND
        return self.found[asked.params["name"]]

    def _create(self, asked: Asked) -> Any:
        name = f"{asked.params['parent']}/repositories/{asked.query['repositoryId']}"
        if name in self.found:
            raise ALREADY_EXISTS
        assert asked.body["format"] == "DOCKER"
        if self.failure is None:
            self.found[name] = {"name": name, **asked.body}
        self._name, self._left = f"{asked.params['parent']}/operations/1", self.looks
        return self._operation()

    def _delete(self, asked: Asked) -> Any:
        if self.found.pop(asked.params["name"], None) is None:
            raise NOT_FOUND
        self._name, self._left = f"{asked.params['name'].partition('/repositories/')[0]}/operations/1", 0
        return self._operation()

    def _look(self, asked: Asked) -> Any:
        assert asked.params["name"] == self._name
        self._left -= 1
        return self._operation()

    def _operation(self) -> Any:
        if self._left > 0:
            return {"name": self._name}
        return {"name": self._name, "done": True, **({"error": self.failure} if self.failure else {})}


class AtGoogle:
    """A `boatyard_registry.transport.Transport` that sends requests for Google's address to the loopback registry."""

    def __init__(self, fake: FakeRegistry, repositories: Repositories, metadata: MetadataServer) -> None:
        fake.auth, fake.realm = "bearer", f"https://{HOST}/v2/token"
        self._fake = fake
        self._repositories = repositories
        self._metadata = metadata
        self._http = HttpTransport()
        self.missing = 404
        """The answer for a missing repository: 403 for callers that may not list the repositories."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        parts, given = urlsplit(url), dict(headers)
        assert (parts.scheme, parts.netloc) == ("https", HOST), url
        path = parts.path
        if path == "/v2/token":
            user, _, token = b64decode(given.get("authorization", "").removeprefix("Basic ")).decode().partition(":")
            if user != "oauth2accesstoken" or not self._metadata.knows(f"Bearer {token}"):
                return _error(url, 401, "UNAUTHENTICATED")
            given["authorization"], path = _basic(USER, PASSWORD), "/token"
        elif "authorization" in given and not self._is_there(path):
            return _error(url, self.missing, "NAME_UNKNOWN" if self.missing == 404 else "DENIED")
        moved = f"http://{self._fake.address}{path}" + (f"?{parts.query}" if parts.query else "")
        return self._http.send(method, moved, headers=given, body=body, limit=limit, deadline=deadline)

    def close(self) -> None:
        self._http.close()

    def _is_there(self, path: str) -> bool:
        project, name = path.split("/")[2:4]
        return f"projects/{project}/locations/{LOCATION}/repositories/{name}" in self._repositories.found


def _basic(user: str, password: str) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _error(url: str, status: int, code: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": ""}]}).encode()
    return Answer(status, {"content-type": "application/json"}, body, url)
