"""Azure Container Registry on loopback: the tokens of its documents in front of an OCI registry, and its tags' locks.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. The exchange takes Entra tokens that `Entra` has given out for
the registry's resource; the OCI registry behind it takes the access tokens that are given out here, for their scopes.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from boatyard_registry.deadline import Deadline
from boatyard_registry.http_transport import HttpTransport
from boatyard_registry.transport import Answer, NoSuchHost
from tests.azure.entra import Entra, jwt
from tests.registry.server import FakeRegistry

HOST: Final = "boatyardtest.azurecr.io"
RESOURCE: Final = "https://containerregistry.azure.net"


class AcrTransport:
    """A `boatyard_registry.transport.Transport` for which the loopback registry is at Azure's address."""

    def __init__(self, fake: FakeRegistry, entra: Entra, host: str = HOST) -> None:
        self.fake = fake
        self.host = host
        self.has_address = True
        self.locked: set[tuple[str, str]] = set()
        self.denied = 0
        """The status of each exchange, if it is not 0."""
        self.no_metadata = False
        """Whether the identity may pull and not read attributes."""
        self.lasts = 3 * 3600.0
        """Seconds for which refresh tokens last."""
        self.exchanges = 0
        self.asked: list[str] = []
        self._entra = entra
        self._http = HttpTransport()
        self._refresh: set[str] = set()
        self._access: dict[str, str] = {}

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        parts = urlsplit(url)
        assert (parts.scheme == "https" and "authorization" not in headers) or parts.netloc == self.host, url
        if not self.has_address or parts.netloc != self.host:
            raise NoSuchHost(f"{parts.netloc}: no such host")
        self.asked.append(f"{method} {parts.path}")
        form = dict(parse_qsl((body or b"").decode(), keep_blank_values=True))
        if parts.path == "/oauth2/exchange":
            return self._exchange(url, method, form)
        if parts.path == "/oauth2/token":
            return self._token(url, method, form)
        path = unquote(parts.path)
        if path.startswith("/v2/"):
            kind, name = "pull" if method in ("GET", "HEAD") else "pull,push", path.removeprefix("/v2/")
            name = name.rpartition("/manifests/")[0] or name
            name = name.rpartition("/blobs/")[0] or name
        else:
            kind = "delete" if method == "DELETE" else "metadata_read"
            name = path.removeprefix("/acr/v1/").partition("/_tags/")[0]
        scope = self._access.get(headers.get("authorization", "").removeprefix("Bearer "), "")
        if scope != f"repository:{name}:{kind}":
            challenge = f'Bearer realm="https://{self.host}/oauth2/token",service="{self.host}",scope="repository:{name}:{kind}"'
            return _error(url, 401, "UNAUTHORIZED", challenge)
        if kind == "delete":
            return self._delete(url, name)
        if kind == "metadata_read":
            return self._tag(url, name, path.partition("/_tags/")[2])
        moved = f"http://{self.fake.address}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        plain = {header: value for header, value in headers.items() if header != "authorization"}
        return self._http.send(method, moved, headers=plain, body=body, limit=limit, deadline=deadline)

    def _exchange(self, url: str, method: str, form: Mapping[str, str]) -> Answer:
        self.exchanges += 1
        if self.denied:
            return _error(url, self.denied, "DENIED")
        assert method == "POST" and set(form) == {"grant_type", "service", "access_token"}, form
        assert (form["grant_type"], form["service"]) == ("access_token", self.host)
        if self._entra.tokens.get(form["access_token"]) != RESOURCE:
            return _error(url, 401, "UNAUTHORIZED")
        made = jwt(self.host, self.lasts, self.exchanges)
        self._refresh.add(made)
        return _json(url, 200, {"refresh_token": made})

    def _token(self, url: str, method: str, form: Mapping[str, str]) -> Answer:
        assert method == "POST" and form["grant_type"] == "refresh_token" and form["service"] == self.host, form
        kind = form["scope"].rpartition(":")[2]
        if form["refresh_token"] not in self._refresh or (self.no_metadata and kind == "metadata_read"):
            return _error(url, 401, "UNAUTHORIZED")
        made = jwt(form["scope"], 4500, len(self._access))
        self._access[made] = form["scope"]
        return _json(url, 200, {"access_token": made})

    def _tag(self, url: str, name: str, tag: str) -> Answer:
        if (name, tag) not in self.fake.manifests:
            return _error(url, 404, "TAG_UNKNOWN")
        writes = (name, tag) not in self.locked
        allowed = {"deleteEnabled": writes, "writeEnabled": writes, "readEnabled": True, "listEnabled": True}
        return _json(url, 200, {"imageName": name, "tag": {"name": tag, "changeableAttributes": allowed}})

    def _delete(self, url: str, name: str) -> Answer:
        """A repository with all its images."""
        found = [key for key in self.fake.manifests if key[0] == name]
        for key in found:
            del self.fake.manifests[key]
        return _json(url, 202, {}) if found else _error(url, 404, "NAME_UNKNOWN")

    def close(self) -> None:
        self._http.close()


def _json(url: str, status: int, document: Any, challenge: str = "") -> Answer:
    challenges = (challenge,) if challenge else ()
    return Answer(status, {"content-type": "application/json"}, json.dumps(document).encode(), url, challenges)


def _error(url: str, status: int, code: str, challenge: str = "") -> Answer:
    return _json(url, status, {"errors": [{"code": code, "message": "<script>"}]}, challenge)
