"""The network settings of a deployment as uv reads them."""

from boatyard.settings import Network


def network_variables(network: Network) -> dict[str, str]:
    """What `boatyard_buildkit.network_script` sets in a step, of that what uv reads."""
    found: dict[str, str] = {}
    if network.ca_bundle:
        found["SSL_CERT_FILE"] = network.ca_bundle
    if network.index_url:
        found["UV_DEFAULT_INDEX"] = network.index_url
    if network.extra_index_urls:
        found["UV_INDEX"] = " ".join(network.extra_index_urls)
    for name, value in (
        ("http_proxy", network.http_proxy),
        ("https_proxy", network.https_proxy),
        ("no_proxy", network.no_proxy),
    ):
        if value:
            found |= {name: value, name.upper(): value}
    return found
