"""Network settings for RUN steps: a script that they source, mounted as a secret. Steps of a user's Dockerfile do not
source it, so pip and uv get their index from one file each.

The script sets the variables that each tool reads: CA bundle, package indexes, proxies. It is a secret because index
URLs and proxies may contain passwords, and because no layer may contain it.
"""

import json
import shlex

from boatyard.mounts import CA_PATH, CA_VARIABLES
from boatyard.settings import Network


def network_script(network: Network) -> bytes:
    variables: dict[str, str] = {}
    if network.ca_bundle:
        variables |= dict.fromkeys(CA_VARIABLES, CA_PATH)
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
            # curl reads only the lower-case http_proxy, other tools only the upper-case names.
            variables |= {name: value, name.upper(): value}
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return "".join(lines).encode()


def pip_file(network: Network) -> bytes:
    """`pip.conf`; empty if there is nothing to configure (https://pip.pypa.io/en/stable/topics/configuration/)."""
    values = []
    if network.index_url:
        values.append(f"index-url = {network.index_url}")
    if network.extra_index_urls:
        values.append("extra-index-url =" + "".join(f"\n    {url}" for url in network.extra_index_urls))
    return "\n".join(["[global]", *values, ""]).encode() if values else b""


def uv_file(network: Network) -> bytes:
    """`uv.toml`; empty if there is nothing to configure (https://docs.astral.sh/uv/reference/settings/)."""
    values = []
    if network.index_url:
        values.append(f"index-url = {_toml(network.index_url)}")
    if network.extra_index_urls:
        values.append(f"extra-index-url = [{', '.join(map(_toml, network.extra_index_urls))}]")
    return "\n".join([*values, ""]).encode() if values else b""


def _toml(text: str) -> str:
    """A TOML string: JSON's escapes are among TOML's, but for pairs of surrogates."""
    return json.dumps(text, ensure_ascii=False)
