"""Mount paths of RUN steps, and the ids under which the job passes secrets to BuildKit.

This module is separate from rendering, because the job only needs these names.
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
"""Paths of the machine-wide configuration of pip and uv, which a user's or a project's own overrides."""
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
    """The id under which the job passes the secret to BuildKit. `prefix` is `Site.secret_prefix`.

    BuildKit caches a step's result by its instruction, which only contains a secret's id: without the prefix, a step
    would reuse the result of another project's secret.
    """
    return f"{prefix}secret-{name}"


def absent_secret_id(prefix: str, name: str) -> str:
    """The id of a secret that does not exist, which the job never passes.

    With `secret_id`, a step could reuse the result of the same step without the secret.
    """
    return f"{prefix}absent-{name}"
