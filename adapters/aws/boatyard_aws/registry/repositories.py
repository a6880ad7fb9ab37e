"""A repository that is missing is made, if the deployment allows it."""

from typing import Literal

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Repository
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained
from boatyard_aws.registry.host import EcrHost


class NewRepositories(msgspec.Struct, frozen=True, kw_only=True):
    """`allowed` false: REPOSITORY_NOT_FOUND, which says what to do."""

    allowed: bool = False
    tags: Literal["IMMUTABLE", "MUTABLE"] = "IMMUTABLE"
    """MUTABLE lets a forced build take the place of the image that is there."""
    scan_on_push: bool = True

    def make(self, clients: Clients, host: EcrHost, repository: Repository) -> None:
        """Raises REPOSITORY_NOT_FOUND, REGISTRY_DENIED or REGISTRY_UNAVAILABLE."""
        from botocore.exceptions import ClientError

        if not self.allowed:
            raise BoatyardError(Code.REPOSITORY_NOT_FOUND, f"ECR has no repository {repository}")
        resource = f"repository/{repository.path} of account {host.registry_id}"
        denied, unavailable = Code.REGISTRY_DENIED, Code.REGISTRY_UNAVAILABLE
        with explained("ecr:CreateRepository", resource, unavailable=unavailable, denied=denied):
            try:
                clients.ecr(host.region, fips=host.fips).create_repository(
                    registryId=host.registry_id,
                    repositoryName=repository.path,
                    imageTagMutability=self.tags,
                    imageScanningConfiguration={"scanOnPush": self.scan_on_push},
                )
            except ClientError as error:
                if code_of(error) != "RepositoryAlreadyExistsException":  # someone else was quicker
                    raise
