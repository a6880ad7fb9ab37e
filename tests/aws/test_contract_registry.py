"""The contract suite of registries, with ECR."""

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.registry import EcrRegistry
from tests.aws.cloud import Cloud
from tests.aws.images import HOST, Ecr
from tests.contract.test_registry import *  # noqa: F403 - the suite's tests, with our fixture below


class OnEcr:
    host = HOST

    def __init__(self, cloud: Cloud, clients: Clients) -> None:
        self._cloud = cloud
        self._ecr = Ecr(cloud, clients)
        self._made: set[str] = set()
        self.registry = EcrRegistry(clients)

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        if path not in self._made:
            self._made.add(path)
            self._ecr.repository(path)
        return self._ecr.push(path, tag, *platforms, keys=dict(zip(platforms, keys, strict=False)))

    def fail(self, code: str) -> None:
        told = {"REGISTRY_DENIED": ("AccessDeniedException", 400), "REGISTRY_UNAVAILABLE": ("ServerException", 500)}
        failure, status = told[code]
        self._cloud.fail("DescribeImages", failure, status=status)

    def repair(self) -> None:
        self._cloud.faults.clear()
        if not self._made:  # else the answer would be that the repository is missing
            self._ecr.repository("acme/image")


@pytest.fixture
def world(cloud: Cloud, clients: Clients) -> OnEcr:
    return OnEcr(cloud, clients)
