"""Names of registries: a registry's login server, and those of its replicas.

https://learn.microsoft.com/azure/container-registry/container-registry-concepts. A name is 5 to 50 letters and digits.
With a domain name label, the login server is `<name>-<hash>`; with regional endpoints, each replica has one of its own,
`<name>.<region>.geo`. Each of Microsoft's clouds has another suffix.
"""

import re
from typing import Final

_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9]{5,50})(?:-[a-z0-9]{1,32})?(?:\.[a-z0-9]{2,32}\.geo)?\.(?P<suffix>azurecr\.(?:io|us|cn))\Z"
)


def is_azure_registry(host: str, suffix: str) -> bool:
    """Whether the host is a registry of the cloud with this suffix. A token of one cloud is of no use in another."""
    found = _HOST.match(host)
    return found is not None and found["suffix"] == suffix


def registry_name(host: str) -> str:
    """The resource's name; empty for another host."""
    found = _HOST.match(host)
    return found["name"] if found else ""
