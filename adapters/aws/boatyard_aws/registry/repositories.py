"""A repository that is missing is made, if the deployment allows it."""

from typing import Final, Literal

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Repository
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import EcrHost
from boatyard_serverless.faults import REGISTRY

_SOMEBODY_WAS_QUICKER: Final = "RepositoryAlreadyExistsException"


class NewRepositories(msgspec.Struct, frozen=True, kw_only=True):
    """`allowed` false: REPOSITORY_NOT_FOUND, which says what to do."""

    allowed: bool = False
    tags: Literal["IMMUTABLE", "MUTABLE"] = "IMMUTABLE"
    """MUTABLE lets a forced build take the place of the image that is there."""
    scan_on_push: bool = True

    def make(self, clients: Clients, host: EcrHost, repository: Repository) -> None:
        """Raises REPOSITORY_NOT_FOUND, REGISTRY_DENIED or REGISTRY_UNAVAILABLE."""
        if not self.allowed:
            raise BoatyardError(Code.REPOSITORY_NOT_FOUND, f"ECR has no repository {repository}")
        resource = f"repository/{repository.path} of account {host.registry_id}"
        with AwsCall("ecr:CreateRepository", resource, REGISTRY, expected={_SOMEBODY_WAS_QUICKER}):
            clients.ecr(host.region, fips=host.fips).create_repository(
                registryId=host.registry_id,
                repositoryName=repository.path,
                imageTagMutability=self.tags,
                imageScanningConfiguration={"scanOnPush": self.scan_on_push},
            )
