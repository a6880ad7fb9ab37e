"""Whether a repository lets a tag move.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html: one of four words, two of which
have exceptions by wildcard.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import EcrHost
from boatyard_serverless.faults import REGISTRY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def is_immutable(client: "ECRClient", host: EcrHost, reference: Reference) -> bool:
    """False also for whoever may not ask. Raises REGISTRY_UNAVAILABLE."""
    resource = f"repository/{reference.repository.path} of account {host.registry_id}"
    try:
        with AwsCall("ecr:DescribeRepositories", resource, REGISTRY):
            (found,) = client.describe_repositories(
                registryId=host.registry_id, repositoryNames=[reference.repository.path]
            )["repositories"]
    except BoatyardError as error:
        if error.code != Code.REGISTRY_DENIED:
            raise
        return False
    filters = [each["filter"] for each in found.get("imageTagMutabilityExclusionFilters", ())]
    return holds_still(found["imageTagMutability"], filters, reference.tag or "")


def holds_still(mutability: str, excluded: Sequence[str], tag: str) -> bool:
    """ECR's words about one tag. A filter is letters, digits and `._-`, and `*` for any number of characters."""
    exception = any(fnmatchcase(tag, pattern) for pattern in excluded)
    match mutability:
        case "IMMUTABLE":
            return True
        case "IMMUTABLE_WITH_EXCLUSION":
            return not exception
        case "MUTABLE_WITH_EXCLUSION":
            return exception
    return False
