"""A stand-in for IAM's service account credentials. It signs with the key that the stand-in for Cloud Storage
checks."""

import base64
from typing import Any

from tests.gcp.discovery import Asked
from tests.gcp.loopback import ApiServer, GoogleError
from tests.gcp.metadata_server import EMAIL, jwt
from tests.gcp.storage import sign

SIGN = "iamcredentials.projects.serviceAccounts.signBlob"
ID_TOKEN = "iamcredentials.projects.serviceAccounts.generateIdToken"


def play(server: ApiServer) -> None:
    server.on(SIGN, _sign)
    server.on(ID_TOKEN, _id_token)


def _sign(asked: Asked) -> Any:
    _check_account(asked)
    return {"keyId": "k", "signedBlob": base64.b64encode(sign(base64.b64decode(asked.body["payload"]))).decode()}


def _id_token(asked: Asked) -> Any:
    account = asked.params["name"].rpartition("/")[2]
    return {"token": jwt(asked.body["audience"], account if asked.body.get("includeEmail") else "")}


def _check_account(asked: Asked) -> None:
    if asked.params["name"] != f"projects/-/serviceAccounts/{EMAIL}":
        raise GoogleError(404, "NOT_FOUND")
