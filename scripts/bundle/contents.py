"""What goes into the archives of each cloud."""

from typing import Final, NamedTuple


class Contents(NamedTuple):
    packages: tuple[str, ...]
    """Of this checkout."""
    pinned: str
    """The lock below requirements/ that names what comes from the index."""
    given: frozenset[str]
    """Distributions that the platform's runtime brings."""
    unneeded: frozenset[str]
    """Distributions that only unused parts of others import."""
    unused: tuple[str, ...]
    """Parts of dependencies that nothing here imports; the tests run the archive without them. `*` is any name."""
    generated: tuple[str, ...]
    """Packages of generated code. Of them only what something imports is kept."""
    largest: int
    """Bytes, unpacked: cold starts grow with it."""


FUNCTIONS: Final = {
    "aws": Contents(
        packages=(
            "core/boatyard",
            "adapters/aws/boatyard_aws",
            "adapters/connect/boatyard_connect",
            "adapters/kubernetes/boatyard_kubernetes",
            "adapters/registry/boatyard_registry",
        ),
        pinned="function-aws.txt",
        given=frozenset({"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}),
        # protovalidate's own: flyteidl2 needs the descriptor of its options and checks nothing.
        unneeded=frozenset({"protobuf-py", "protobuf-py-ext", "protobuf-py-pure"}),
        unused=(
            "bin",
            "_yaml",
            "aws_lambda_powertools/event_handler/openapi/swagger_ui",  # a page for browsers
            "aws_lambda_powertools/utilities/data_masking",  # this and the next two need what is not here
            "aws_lambda_powertools/utilities/kafka",
            "aws_lambda_powertools/utilities/parser",
            "google/protobuf/compiler",
            "google/protobuf/internal/*_benchmark.py",
            "protovalidate",
            "yaml/_yaml.*.so",  # libyaml: kubeconfigs are not read here, and the parser in Python is there
            "yaml/cyaml.py",
        ),
        generated=(
            *("buf", "flyteidl2", "lightkube/models", "lightkube/resources", "protoc_gen_openapiv2"),
            *("google/api", "google/cloud", "google/gapic", "google/logging", "google/longrunning"),
            *("google/rpc", "google/type"),
        ),
        largest=25 * 1000 * 1000,
    ),
}
"""The functions' bundle of each cloud."""
