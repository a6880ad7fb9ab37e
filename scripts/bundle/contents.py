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
            "adapters/serverless/boatyard_serverless",
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


class Job(NamedTuple):
    packages: tuple[str, ...]
    pinned: str
    pythons: tuple[str, ...]
    """Minor versions that the platform may run it with; one archive fits them all."""
    services: frozenset[str]
    """Those of AWS that a job speaks to; botocore describes four hundred."""
    compiled: frozenset[str]
    """Distributions with compiled modules, so with a wheel for each Python and architecture."""


JOBS: Final = {
    "aws": Job(
        packages=(
            "core/boatyard",
            "adapters/aws/boatyard_aws",
            "adapters/buildkit/boatyard_buildkit",
            "adapters/registry/boatyard_registry",
            "adapters/serverless/boatyard_serverless",
        ),
        pinned="builder-aws.txt",
        # What CodeBuild's images begin with, and what lies between: 3.11 in amazonlinux-x86_64-standard:5.0 and
        # amazonlinux-aarch64-standard:3.0, 3.14 in 6.0 and 4.0 (`pyenv global` in their Dockerfiles,
        # https://github.com/aws/aws-codebuild-docker-images).
        pythons=("3.11", "3.12", "3.13", "3.14"),
        services=frozenset({"ecr", "s3", "secretsmanager", "sts"}),
        compiled=frozenset({"msgspec"}),
    ),
}
"""What runs inside a build where the platform runs it from an archive: CodeBuild."""
