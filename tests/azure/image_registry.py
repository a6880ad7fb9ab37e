"""Azure Container Registry for BuildKit: a real registry on loopback that takes pushes by ACR's own tokens alone.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. Its token service takes refresh tokens and no passwords
(https://github.com/Azure/acr/issues/104): to BuildKit's request with a name and a password it answers 400.
"""

import sys
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from boatyard_azure.credential import HELPER
from tests.azure.acr import HOST, RESOURCE
from tests.azure.entra import Entra, jwt
from tests.registry.front import FrontedRegistry, OwnAnswer

_PROGRAM: Final = '''#!{python}
"""The shipped helper, for which {host} is at {address}, and the other way around."""
import io, sys
from boatyard_azure import credential
class OnLoopback(credential.HttpTransport):
    def send(self, method, url, **more):
        return super().send(method, url.replace("https://{host}/", "http://{address}/"), **more)
credential.HttpTransport = OnLoopback
asked = sys.stdin.read()
if asked.strip() == "{address}":
    asked = "{host}"
sys.stdin, out, sys.stdout = io.StringIO(asked), sys.stdout, io.StringIO()
code = credential.main()
out.write(sys.stdout.getvalue().replace("{host}", "{address}"))
out.flush()
sys.exit(code)
'''


class AcrImages(FrontedRegistry):
    def __init__(self, folder: Path, entra: Entra) -> None:
        self.exchanged = 0
        self._entra = entra
        self._refresh: set[str] = set()
        self._access: dict[str, str] = {}
        """Access token -> its scope."""
        super().__init__(folder)

    def write_helper(self, folder: Path, python: str = sys.executable) -> Path:
        """The credential helper of a job; it answers for Azure's hosts alone, so it calls this registry by one."""
        program = folder / HELPER
        program.write_text(_PROGRAM.format(python=python, host=HOST, address=self.address))
        program.chmod(0o755)
        return program

    def challenge(self, path: str) -> str:
        name = path.removeprefix("/v2/").partition("/blobs/")[0].partition("/manifests/")[0]
        return f'Bearer realm="http://{self.address}/oauth2/token",service="{HOST}",scope="repository:{name}:pull,push"'

    def token_of(self, path: str, authorization: str) -> str:
        token = authorization.removeprefix("Bearer ")
        for scope in self._access.get(token, "").split():
            _, name, actions = scope.split(":")
            if "push" in actions.split(",") and path.startswith(f"/v2/{name}/"):
                return token
        return ""

    def own(self, method: str, target: str, authorization: str, body: bytes) -> OwnAnswer | None:
        path, form = urlsplit(target).path, dict(parse_qsl(body.decode()))
        if path not in ("/oauth2/exchange", "/oauth2/token"):
            return None
        given = form.get("grant_type")
        if method != "POST" or form.get("service") != HOST:
            return _refusal(400)
        if path == "/oauth2/exchange":
            if given != "access_token" or not self._entra.knows(form["access_token"], RESOURCE):
                return _refusal(401)
            self.exchanged += 1
            made = jwt(HOST, 3 * 3600, self.exchanged)
            self._refresh.add(made)
            return OwnAnswer(200, {"refresh_token": made})
        if given != "refresh_token":
            return _refusal(400)
        if form["refresh_token"] not in self._refresh:
            return _refusal(401)
        made = jwt(form["scope"], 4500, len(self._access))
        self._access[made] = form["scope"]
        return OwnAnswer(200, {"access_token": made})


def _refusal(status: int) -> OwnAnswer:
    return OwnAnswer(status, {"errors": [{"code": "UNAUTHORIZED", "message": ""}]})
