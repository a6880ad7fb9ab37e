"""The company's network as RUN steps see it: a script that they source, mounted as a secret.

It sets what each tool reads for itself: CA bundle, package indexes, proxies. A secret, because index URLs
and proxies may hold passwords, and because nothing of it may stay in a layer.
"""

import shlex
from typing import Final

from boatyard.mounts import CA_PATH
from boatyard.settings import Network

_CA_VARIABLES: Final = (
    "SSL_CERT_FILE",  # OpenSSL, uv, Go
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",  # requests, and with it poetry
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)


def network_script(network: Network) -> bytes:
    variables: dict[str, str] = {}
    if network.ca_bundle:
        variables |= dict.fromkeys(_CA_VARIABLES, CA_PATH)
    if network.index_url:
        variables |= dict.fromkeys(("UV_DEFAULT_INDEX", "PIP_INDEX_URL"), network.index_url)
    if network.extra_index_urls:
        variables |= dict.fromkeys(("UV_INDEX", "PIP_EXTRA_INDEX_URL"), " ".join(network.extra_index_urls))
    for name, value in (
        ("http_proxy", network.http_proxy),
        ("https_proxy", network.https_proxy),
        ("no_proxy", network.no_proxy),
    ):
        if value:
            # curl heeds only the lower-case http_proxy, others only the upper-case names.
            variables |= {name: value, name.upper(): value}
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return "".join(lines).encode()
