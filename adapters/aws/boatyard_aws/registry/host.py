"""Parses the host of an ECR reference: the account, the region, and the endpoint to call.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html and, for hosts with `dkr-ecr`,
.../AmazonECR/latest/userguide/ecr-requests.html (dual stack).
"""

import re
from typing import Final

import msgspec

_HOST: Final = re.compile(
    r"(?P<id>\d{12})\.dkr"
    r"(?:\.ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"|-ecr(?P<fips6>-fips)?\.(?P<region6>[a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))\Z"
)


class EcrHost(msgspec.Struct, frozen=True):
    registry_id: str
    """The account: twelve digits."""
    region: str
    fips: bool


def parse_host(host: str) -> EcrHost | None:
    """Returns None for a host that is not a private ECR registry. `public.ecr.aws` is none: it implements the OCI
    protocol."""
    found = _HOST.match(host)
    if not found:
        return None
    return EcrHost(found["id"], found["region"] or found["region6"], bool(found["fips"] or found["fips6"]))
