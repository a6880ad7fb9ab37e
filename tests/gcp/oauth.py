"""Google's token services on loopback: OAuth for keys and people, STS for federated workloads, impersonation."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.gcp.metadata_server import EMAIL, jwt

GCLOUDS_CLIENT = "764086051850-x.apps.googleusercontent.com"


class OAuth:
    def __init__(self) -> None:
        self.refuses = False
        self.without_id_token = False
        self.audience = ""
        """Of the ID tokens of keys, which ask for one."""
        self.paths: list[str] = []
        self.bodies: list[str] = []
        self._given = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def user(self) -> dict[str, Any]:
        """The file of `gcloud auth application-default login`."""
        return {
            "type": "authorized_user",
            "client_id": GCLOUDS_CLIENT,
            "client_secret": "s",
            "refresh_token": "refresh-me",
        }

    def federated(self, folder: Path, *, account: str = EMAIL) -> dict[str, Any]:
        """The file of `gcloud iam workload-identity-pools create-cred-config`."""
        (folder / "subject").write_text("the workload's own token")
        document = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.url}/sts",
            "credential_source": {"file": str(folder / "subject")},
        }
        if account:
            path = f"/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
            document["service_account_impersonation_url"] = self.url + path
        return document

    def answer(self, path: str, body: str) -> tuple[int, dict[str, Any]]:
        self.paths.append(path)
        self.bodies.append(body)
        if self.refuses:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if path == "/sts":
            kind = "urn:ietf:params:oauth:token-type:access_token"
            token = {"access_token": "ya29.federated", "issued_token_type": kind, "token_type": "Bearer"}
            return 200, {**token, "expires_in": 3600}
        if path.endswith(":generateAccessToken"):
            return 200, {"accessToken": "ya29.of-the-account", "expireTime": "2099-01-01T00:00:00Z"}
        if path.endswith(":generateIdToken"):
            return 200, {"token": jwt(json.loads(body)["audience"], path.rpartition("/")[2].partition(":")[0])}
        self._given += 1
        document = {"access_token": f"ya29.oauth-{self._given}", "expires_in": 3600, "token_type": "Bearer"}
        if not self.without_id_token:
            document["id_token"] = jwt(self.audience or GCLOUDS_CLIENT, "me@example.com")
        return 200, document

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                status, document = played.answer(self.path, body)
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        return Handler
