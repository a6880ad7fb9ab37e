"""`docker-credential-boatyard-ecr`: registry credentials minted inside the job, when BuildKit asks for them.

Docker's protocol (https://github.com/docker/docker-credential-helpers): the verb is the argument, the rest
goes over stdin and stdout. The credentials are those of the job's workload identity (IRSA, Pod Identity, a
CodeBuild role); a token lasts twelve hours, and none is stored.

    {"credHelpers": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": "boatyard-ecr"}}
"""

import base64
import json
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import explained
from boatyard_aws.registry.host import parse_host

NOT_FOUND: Final = "credentials not found in native keychain"
"""Docker knows this sentence: it then goes on without credentials."""


def main(arguments: Sequence[str] | None = None, stdin: TextIO | None = None, stdout: TextIO | None = None) -> int:
    verb = (list(sys.argv[1:] if arguments is None else arguments) or [""])[0]
    given, told = stdin or sys.stdin, stdout or sys.stdout
    match verb:
        case "get":
            return _get(given.read().strip(), told)
        case "store" | "erase":
            given.read()  # nothing is kept, so there is nothing to do
            return 0
        case "list":
            told.write("{}")
            return 0
    told.write("usage: docker-credential-boatyard-ecr get|store|erase|list")
    return 1


def _get(server: str, told: TextIO) -> int:
    host = parse_host(server.removeprefix("https://").partition("/")[0])
    if host is None:
        told.write(NOT_FOUND)
        return 1
    denied, unavailable = Code.REGISTRY_DENIED, Code.REGISTRY_UNAVAILABLE
    try:
        with explained("ecr:GetAuthorizationToken", "*", unavailable=unavailable, denied=denied):
            # For any registry that this identity may use, other accounts' too; registryIds is deprecated.
            answer = Clients().ecr(host.region, fips=host.fips).get_authorization_token()
    except BoatyardError as error:
        told.write(error.detail)
        return 1
    name, _, secret = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")
    told.write(json.dumps({"ServerURL": server, "Username": name, "Secret": secret}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
