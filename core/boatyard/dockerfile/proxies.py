"""Passes the deployment's proxies to the RUN steps of users' Dockerfiles.

BuildKit predefines build arguments with these names: it sets them for every RUN, in upper and lower case, and keeps
them out of the image's history and of cache keys. An ARG that names one writes its value to the history, as Docker
documents, and no password may be written there.
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
