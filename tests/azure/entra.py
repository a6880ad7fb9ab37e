"""Entra ID and the identity endpoints of a function, a pod and a machine, on loopback.

The other stand-ins take the tokens that they give. azure-identity gets its tokens from them too (`test_identity`).
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Self

from tests.azure.tls import Asked, Given, TlsServer

TENANT = "dd0d0df1-06c3-436c-8034-4b9a153097ce"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
OBJECT_ID = "23657296-5cd5-45b0-a809-d972a7f4dfe1"
HEADER = "the-functions-own-secret"
ASSERTION = "header.claims-of-the-service-account.signature"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def jwt(audience: str, seconds: float = 3600, number: int = 0) -> str:
    """In the form of Entra ID's access tokens; the signature is none."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now,
        "nbf": now - 5,
        "exp": int(now + seconds),
        "oid": OBJECT_ID,
        "tid": TENANT,
        "appid": CLIENT_ID,
        "uti": str(number),
    }
    parts = ({"alg": "RS256", "kid": "k", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


class Entra:
    """`authority` speaks TLS, `local` is the endpoint of a function and of a machine."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        """Access token -> its resource."""
        self.lasts = 86_400.0
        self.failures: list[Given] = []
        """The next answers."""
        self.assertion = ASSERTION
        self.given = 0
        self._authority = TlsServer(self._of_authority)
        self._local = TlsServer(self._of_local, plain=True)
        self.url = self._authority.url

    @property
    def of_a_function(self) -> dict[str, str]:
        """What Azure sets for a function with a user-assigned identity."""
        return {
            "IDENTITY_ENDPOINT": f"{self._local.url}/msi/token",
            "IDENTITY_HEADER": HEADER,
            "AZURE_CLIENT_ID": CLIENT_ID,
        }

    @property
    def of_a_machine(self) -> dict[str, str]:
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self._local.url, "AZURE_CLIENT_ID": CLIENT_ID}

    def of_a_pod(self, token_file: str) -> dict[str, str]:
        """What the webhook of Azure Workload Identity sets."""
        return {
            "AZURE_AUTHORITY_HOST": f"{self.url}/",
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_FEDERATED_TOKEN_FILE": token_file,
        }

    def knows(self, token: str, resource: str) -> bool:
        return self.tokens.get(token) == resource

    def revoke(self) -> None:
        self.tokens.clear()

    def issue(self, resource: str) -> str:
        self.given += 1
        token = jwt(resource, self.lasts, self.given)
        self.tokens[token] = resource
        return token

    def _of_local(self, asked: Asked) -> Given:
        query = asked.query
        if asked.path == "/msi/token":
            if asked.headers.get("x-identity-header") != HEADER:
                return _refusal(401, "unauthorized")
            allowed, version = {"api-version", "resource", "client_id"}, "2019-08-01"
        elif asked.path == "/metadata/identity/oauth2/token":
            if asked.headers.get("metadata") != "true":
                return _refusal(400, "bad_request_102")
            allowed, version = {"api-version", "resource", "client_id"}, "2018-02-01"
        else:
            return _refusal(404, "not_found")
        if self.failures:
            return self.failures.pop(0)
        if asked.verb != "GET" or not set(query) <= allowed or query.get("api-version") != version:
            return _refusal(400, "invalid_request")
        if query.get("client_id", CLIENT_ID) != CLIENT_ID:
            return _refusal(400, "identity_not_found")
        resource, now = query["resource"], int(time.time())
        body = {
            "access_token": self.issue(resource),
            "client_id": CLIENT_ID,
            "expires_on": str(int(now + self.lasts)),
            "resource": resource,
            "token_type": "Bearer",
        }
        if version == "2018-02-01":
            body |= {"expires_in": str(int(self.lasts)), "not_before": str(now - 5), "refresh_token": ""}
        return Given(200, body)

    def _of_authority(self, asked: Asked) -> Given:
        if asked.verb != "POST" or asked.path != f"/{TENANT}/oauth2/v2.0/token":
            return _refusal(404, "invalid_request")
        if self.failures:
            return self.failures.pop(0)
        return self._for_assertion(asked.form)

    def _for_assertion(self, form: Mapping[str, str]) -> Given:
        if form.get("client_assertion_type") != _ASSERTION_TYPE or form.get("grant_type") != "client_credentials":
            return _refusal(400, "invalid_request", 900144)
        if form.get("client_id") != CLIENT_ID:
            return _refusal(400, "unauthorized_client", 700016)
        if form.get("client_assertion") != self.assertion:
            return _refusal(401, "invalid_client", 700213)
        resource, slash, scope = form.get("scope", "").partition(" ")[0].rpartition("/")
        if not (slash and scope == ".default"):
            return _refusal(400, "invalid_scope", 70011)
        token = self.issue(resource)
        return Given(200, {"access_token": token, "expires_in": int(self.lasts), "token_type": "Bearer"})

    def __enter__(self) -> Self:
        self._authority.__enter__()
        self._local.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._authority.__exit__()
        self._local.__exit__()


def _refusal(status: int, word: str, number: int = 0) -> Given:
    body: dict[str, object] = {"error": word, "error_description": "a sentence with <script> for people"}
    if number:
        body["error_codes"] = [number]
    return Given(status, body)
