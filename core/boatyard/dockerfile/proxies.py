"""The deployment's proxies for the RUN steps of users' Dockerfiles.

BuildKit knows build arguments of these names without an ARG: it gives them to every RUN in both cases, and keeps them
out of the image's history and of its cache's keys. An ARG that names one puts its value into the history, as Docker
documents; a password must not get there.
"""

from boatyard.dockerfile.parse.pairs import args
from boatyard.dockerfile.users import UsersDockerfile
from boatyard.settings import Network


def proxy_arguments(given: UsersDockerfile, network: Network) -> dict[str, str]:
    values = {"http_proxy": network.http_proxy, "https_proxy": network.https_proxy, "no_proxy": network.no_proxy}
    declared = _declared(given)
    return {
        name: value
        for name, value in values.items()
        if value and not ("@" in value and (given.parsed is None or name in declared))
    }


def _declared(given: UsersDockerfile) -> frozenset[str]:
    if given.parsed is None:
        return frozenset()
    escape = given.parsed.escape
    instructions = [*given.parsed.arguments, *(made for stage in given.parsed.stages for made in stage.body)]
    return frozenset(name.lower() for made in instructions if made.keyword == "ARG" for name, _ in args(made, escape))
