"""What a RUN step finds mounted, and under which id the job hands it to BuildKit.

Apart from the rendering, so that the job, which knows only these names, starts without it.
"""

from typing import Final

CA_SECRET: Final = "boatyard-ca"  # noqa: S105 - the id of a mount, not a secret
NETWORK_SECRET: Final = "boatyard-network"  # noqa: S105
PIP_SECRET: Final = "boatyard-pip"  # noqa: S105
UV_SECRET: Final = "boatyard-uv"  # noqa: S105
CA_PATH: Final = "/run/boatyard/ca.pem"
NETWORK_PATH: Final = "/run/boatyard/network.sh"
PIP_PATH: Final = "/etc/xdg/pip/pip.conf"
UV_PATH: Final = "/etc/xdg/uv/uv.toml"
"""Where pip and uv look for what holds on the whole machine; what a user or a project configures goes before it."""
CA_VARIABLES: Final = (
    "SSL_CERT_FILE",  # OpenSSL, uv, Go
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",  # requests, and with it poetry
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
SECRETS_PATH: Final = "/run/boatyard/secrets"


def secret_id(prefix: str, name: str) -> str:
    """The id under which the job hands the secret to BuildKit. `prefix` is `Site.secret_prefix`.

    BuildKit keeps a step's result by its instruction, and knows of a secret only the id: without the prefix, a
    step of one project would be answered with what another project's secret made of it.
    """
    return f"{prefix}secret-{name}"


def absent_secret_id(prefix: str, name: str) -> str:
    """The id of a secret that nobody set, which the job hands to nobody.

    With `secret_id`, a step that ran without the secret would answer for the one that has it.
    """
    return f"{prefix}absent-{name}"
