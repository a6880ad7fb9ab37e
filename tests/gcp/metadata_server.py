"""The metadata server of a function, a pod or a build step, on loopback. The stand-ins accept its tokens."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

EMAIL = "boatyard@project-one.iam.gserviceaccount.com"
PROJECT = "project-one"
SIGNATURE = "c2lnbmF0dXJl"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def jwt(audience: str, email: str = EMAIL, *, seconds: float = 3600) -> str:
    """A token in the form of Google's ID tokens, with an invalid signature."""
    now = int(time.time())
    claims = {"aud": audience, "email": email, "email_verified": True, "iss": "https://accounts.google.com", "sub": "1"}
    parts = ({"alg": "RS256", "kid": "k", "typ": "JWT"}, {**claims, "iat": now, "exp": int(now + seconds)})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, SIGNATURE])


class MetadataServer:
    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.given = 0
        self.lasts = 3599.0
        self.failures: list[int] = []
        """Statuses of the next answers."""
        self.flavor = "Google"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    def knows(self, authorization: str) -> bool:
        return authorization.removeprefix("Bearer ") in self.tokens

    def revoke(self) -> None:
        self.tokens.clear()

    def allow(self, token: str) -> str:
        self.tokens.add(token)
        return token

    def answer(self, target: str, flavor: str | None) -> tuple[int, str]:
        parts = urlsplit(target)
        name = parts.path.removeprefix("/computeMetadata/v1/")
        if flavor != "Google":
            return 403, 'Missing required header "Metadata-Flavor"'
        if self.failures:
            return self.failures.pop(0), ""
        match name.removeprefix("instance/service-accounts/default/"):
            case "token":
                self.given += 1
                token = self.allow(f"ya29.metadata-{self.given}")
                return 200, json.dumps({"access_token": token, "expires_in": self.lasts, "token_type": "Bearer"})
            case "" if name:  # google-auth asks for all that is known of the account
                return 200, json.dumps({"aliases": ["default"], "email": EMAIL, "scopes": [_SCOPE]})
            case "email":
                return 200, EMAIL
            case "identity":
                return 200, jwt(parse_qs(parts.query)["audience"][0])
            case "project/project-id":
                return 200, PROJECT
        return 404, ""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, text = played.answer(self.path, self.headers.get("Metadata-Flavor"))
                data = text.encode()
                self.send_response(status)
                self.send_header("Metadata-Flavor", played.flavor)
                self.send_header("content-type", "application/json" if text.startswith("{") else "application/text")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        return Handler
