"""What goes into the archives of each cloud."""

from typing import Final, NamedTuple


class Contents(NamedTuple):
    packages: tuple[str, ...]
    """Of this checkout."""
    pinned: str
    """The lock below requirements/ that names what comes from the index."""
    given: frozenset[str]
    """Distributions that the platform's runtime brings."""
    unused: tuple[str, ...]
    """Parts of dependencies that nothing here imports; the tests run the archive without them."""
    largest: int
    """Bytes, unpacked: cold starts grow with it."""


FUNCTIONS: Final = {
    "aws": Contents(
        packages=(
            "core/boatyard",
            "adapters/aws/boatyard_aws",
            "adapters/kubernetes/boatyard_kubernetes",
            "adapters/registry/boatyard_registry",
        ),
        pinned="function-aws.txt",
        given=frozenset({"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}),
        unused=("bin", "aws_lambda_powertools/utilities/kafka", "aws_xray_sdk/ext"),
        largest=25 * 1000 * 1000,
    ),
}
"""The functions' bundle of each cloud."""
