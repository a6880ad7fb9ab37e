"""Finds and creates repositories of Artifact Registry, and reads whether their tags may move.

It uses Artifact Registry's API (https://cloud.google.com/artifact-registry/docs/reference/rest); images are looked up
through the distribution protocol. artifactregistry.repositories.get is in roles/artifactregistry.reader,
repositories.create in roles/artifactregistry.admin.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.registry.host import GarRepository
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.faults import REGISTRY
from boatyard_serverless.registries import NewRepositories
from boatyard_serverless.rest import segment

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_LOOKS: Final = 30
_LOOK_SECONDS: Final = 1.0


class _DockerConfig(msgspec.Struct, frozen=True):
    immutable_tags: bool = msgspec.field(name="immutableTags", default=False)


class FoundRepository(msgspec.Struct, frozen=True):
    """A repository as the API describes it."""

    format: str = ""
    docker_config: _DockerConfig = msgspec.field(name="dockerConfig", default=_DockerConfig())


class _Status(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Operation(msgspec.Struct, frozen=True):
    name: str = ""
    done: bool = False
    error: _Status | None = None


class GarRepositories:
    """Raises REGISTRY_DENIED or REGISTRY_UNAVAILABLE."""

    def __init__(self, rest: GoogleRest, new: NewRepositories, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rest = rest
        self._new = new
        self._sleep = sleep

    def find(self, repository: GarRepository) -> FoundRepository | None:
        call = self._call("GET", _path(repository.name), _need("get", repository, "reader"), answers={_NOT_FOUND})
        reply = self._rest.send(call)
        return None if reply.status == _NOT_FOUND else self._rest.decode(call, reply, FoundRepository)

    def make(self, repository: GarRepository) -> None:
        """Raises REPOSITORY_NOT_FOUND if none may be created."""
        if not self._new.allowed:
            raise BoatyardError(
                Code.REPOSITORY_NOT_FOUND,
                f"Artifact Registry has no repository {repository.name}: gcloud artifacts repositories create "
                f"{repository.id} --repository-format=docker --location={repository.location} "
                f"--project={repository.project}",
            )
        parent = repository.name.rpartition("/")[0]
        need = _need("create", repository, "admin")
        call = self._call(
            "POST",
            _path(parent),
            need,
            query={"repositoryId": repository.id},
            json={"format": "DOCKER", "dockerConfig": {"immutableTags": self._new.tags == "IMMUTABLE"}},
            answers={_CONFLICT},
        )
        reply = self._rest.send(call)
        if reply.status == _CONFLICT:
            return  # another caller created it first
        self._wait(self._rest.decode(call, reply, _Operation), need)

    def _wait(self, operation: _Operation, need: NeededRole) -> None:
        for _ in range(_LOOKS):
            if operation.done:
                break
            self._sleep(_LOOK_SECONDS)
            operation = self._rest.read(self._call("GET", _path(operation.name), need), _Operation)
        if operation.error and operation.error.code != 6:  # google.rpc.Code.ALREADY_EXISTS
            raise BoatyardError(
                Code.REGISTRY_UNAVAILABLE, f"Artifact Registry did not create it (code {operation.error.code})"
            )
        if not operation.done:
            raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the {need.resource} is still being created; try again")

    def _call(
        self,
        method: str,
        path: str,
        need: NeededRole,
        *,
        query: dict[str, str] | None = None,
        json: Any = None,
        answers: set[int] | None = None,
    ) -> GoogleCall:
        return GoogleCall(
            api="artifactregistry",
            method=method,
            path=path,
            need=need,
            query=query or {},
            json=json,
            answers=frozenset(answers or ()),
            codes=REGISTRY,
        )


def _path(name: str) -> str:
    return "/v1/" + "/".join(segment(part) for part in name.split("/"))


def _need(verb: str, repository: GarRepository, role: str) -> NeededRole:
    where = f"--location={repository.location} --project={repository.project}"
    return NeededRole(
        permission=f"artifactregistry.repositories.{verb}",
        resource=f"repository {repository.name}",
        role=f"roles/artifactregistry.{role}",
        grant=(
            f"gcloud projects add-iam-policy-binding {repository.project}"
            if verb == "create"
            else f"gcloud artifacts repositories add-iam-policy-binding {repository.id} {where}"
        ),
    )
