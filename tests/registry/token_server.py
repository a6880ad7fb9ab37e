"""A token server according to the distribution project: signed bearer tokens for a name and a password.

https://distribution.github.io/distribution/spec/auth/token/ and …/auth/jwt/: the JWT's header contains the certificate
of the key that signed it, and the registry trusts a bundle with that certificate.
"""

import base64
import datetime
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SERVICE, ISSUER = "registry", "boatyard-tests"


class TokenServer:
    """Grants everything to callers with the password. `seconds` is the lifetime of a token."""

    def __init__(self, folder: Path, user: str, password: str, *, seconds: int = 300) -> None:
        self.seconds = seconds
        self.asked: list[str] = []
        self._login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._key = rsa.generate_private_key(65537, 2048)
        certificate = _certificate(self._key)
        self.bundle = folder / "token.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._x5c = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                issuer.asked += query.get("scope", [""])
                if self.headers.get("authorization", "") != f"Basic {issuer._login}":
                    self.send_response(401)
                    self.end_headers()
                    return
                body = json.dumps({"token": issuer._token(query.get("scope", []))}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.send_response(404)  # as servers that know no OAuth2: clients then ask with GET
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def configuration(self) -> str:
        """The `auth` section of the registry's configuration."""
        return (
            f"auth: {{token: {{realm: '{self.realm}', service: {SERVICE}, issuer: {ISSUER}, "
            f"rootcertbundle: '{self.bundle}'}}}}\n"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _token(self, scopes: list[str]) -> str:
        access = []
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "tests",
            "aud": SERVICE,
            "exp": now + self.seconds,
            "nbf": now - 10,
            "iat": now,
            "jti": "1",
            "access": access,
        }
        signed = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'x5c': [self._x5c]})}.{_part(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def _part(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
