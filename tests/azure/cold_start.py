"""How long the first answer takes, against the least that a function with azure-identity could take.

Both are processes of the platform's worker library, from nothing: the interpreter starts, the app is indexed, one
request is answered from a registry on loopback, with a token of the function's identity endpoint. `compare` gives the
times; tests/bench makes a table of them.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.azure.entra import Entra
from tests.azure.host import Host, make_bundle
from tests.azure.tls import Asked, Given, TlsServer, write_authority
from tests.azure.vault import Vault
from tests.azure.worker.environment import ROOT, VERSION, worker_python
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, FakeRegistry, running

BARE: Final = """\
import json
import os

import azure.functions as func
import requests
from azure.identity import ManagedIdentityCredential

credential = ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"])
session = requests.Session()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="{*path}")
def api(req: func.HttpRequest) -> func.HttpResponse:
    token = credential.get_token("https://containerregistry.azure.net/.default").token
    found = session.head(os.environ["MANIFEST"], headers={"Accept": os.environ["MANIFEST_TYPES"], "x-token": token})
    found.raise_for_status()
    return func.HttpResponse(json.dumps({"image": found.headers["docker-content-digest"]}))
"""
_BARE_PACKAGES: Final = ("azure-functions", "azure-identity", "requests")


@dataclass(frozen=True)
class Start:
    """Seconds of one instance."""

    init: float
    """Until the app is indexed."""
    first: float
    """Until the first answer, `init` included: what a caller waits."""
    warm: float
    """The second answer."""


@dataclass(frozen=True)
class ColdStarts:
    bare: tuple[Start, ...]
    ours: tuple[Start, ...]

    def ratio(self, part: str) -> float:
        """Our median over the bare function's."""
        return self.median("ours", part) / self.median("bare", part)

    def median(self, side: str, part: str) -> float:
        return statistics.median(getattr(start, part) for start in getattr(self, side))


def compare(runs: int) -> ColdStarts:
    """Turn by turn, so that both meet the same machine."""
    with tempfile.TemporaryDirectory(prefix="boatyard-cold-") as scratch, _around(Path(scratch)) as (variables, images):
        place = Path(scratch)
        make_bundle(place / "ours")
        apps = {"ours": place / "ours" / "app", "bare": _bare(place / "bare", place / "ours" / "app")}
        order = _order(images)
        host = Host(apps["ours"], variables, place / "log")
        plan = host.ask("POST", "/v1/plans", order).document
        host.close()
        path, _, tag = plan["target"].removeprefix(f"{images.address}/").rpartition(":")
        images.add_image(path, tag, labels={"io.boatyard.key": plan["key"]})
        variables["MANIFEST"] = f"http://{images.address}/v2/{path}/manifests/{tag}"
        variables["MANIFEST_TYPES"] = f"{OCI_INDEX}, {OCI_MANIFEST}"
        starts: dict[str, list[Start]] = {"bare": [], "ours": []}
        for number in range(runs):
            for side in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
                starts[side].append(_start(apps[side], variables, order, place / "log"))
    return ColdStarts(tuple(starts["bare"]), tuple(starts["ours"]))


def _start(app: Path, variables: dict[str, str], order: dict[str, Any], log: Path) -> Start:
    began = time.perf_counter()
    host = Host(app, variables, log)
    try:
        assert "api" in host.worker.functions
        init = time.perf_counter() - began
        _answer(host, order)
        first = time.perf_counter() - began
        again = time.perf_counter()
        _answer(host, order)
        return Start(init=init, first=first, warm=time.perf_counter() - again)
    finally:
        host.close()


def _answer(host: Host, order: dict[str, Any]) -> None:
    found = host.ask("POST", "/v1/builds", order)
    assert found.status == 200 and "sha256:" in found.document["image"], (found, host.worker.log())


def _bare(folder: Path, ours: Path) -> Path:
    """The same pinned packages, of which it needs fewer, with byte code too."""
    packages = folder / ".python_packages" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "function_app.py").write_text(BARE)
    (folder / "host.json").write_bytes((ours / "host.json").read_bytes())
    uv = Path(sys.prefix) / "bin" / "uv"
    constraints = ("-c", str(ROOT / "requirements" / "dev.txt"))
    options = ("--quiet", "--python-version", VERSION, "--only-binary", ":all:", "--target", str(packages))
    subprocess.run([uv, "pip", "install", *options, *constraints, *_BARE_PACKAGES], check=True)
    compiler = str(ROOT / "scripts" / "bundle" / "bytecode.py")
    subprocess.run([worker_python(), "-I", compiler, str(packages), str(packages)], check=True)
    return folder


def _order(images: FakeRegistry) -> dict[str, Any]:
    images.add_image("base", "1")
    layers = [{"pipPackages": {"packages": ["six"]}}]
    spec = {"baseImage": f"{images.address}/base:1", "pythonVersion": "3.12", "layers": layers}
    return {"spec": spec, "project": "ml", "domain": "dev"}


class Blobs:
    """As much of Blob Storage as a cached answer needs: the object that names the deployment key's version."""

    def __init__(self) -> None:
        self._stored: dict[str, bytes] = {}
        self.server = TlsServer(self._answer)

    def _answer(self, asked: Asked) -> Given:
        if asked.verb == "PUT":
            self._stored[asked.path] = asked.body
            return Given(201, b"", {"etag": '"1"'})
        found = self._stored.get(asked.path)
        if found is None:
            return Given(404, b"", {"x-ms-error-code": "BlobNotFound"})
        return Given(200, found, {"etag": '"1"'})


@contextmanager
def _around(folder: Path) -> Iterator[tuple[dict[str, str], FakeRegistry]]:
    """What Azure sets, and what a cached answer asks: an identity, a vault, a blob, a registry."""
    with Entra() as entra, Vault(entra) as vault, Blobs().server as blobs, running() as images:
        key = f"{vault.url}/secrets/deployment-key"
        task = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/boatyard/tasks/build"
        yield (
            {
                **entra.of_a_function,
                "AZURE_AUTHORITY_HOST": entra.url,
                "SSL_CERT_FILE": str(write_authority(folder)),
                "BOATYARD_BLOB_ENDPOINT": blobs.url,
                "BOATYARD_STORAGE_ACCOUNT": "boatyardtests",
                "BOATYARD_BUCKET": "boatyard",
                "BOATYARD_DEPLOYMENT_KEY": key,
                "BOATYARD_RUNNER": "acrtasks",
                "BOATYARD_ACR_TASK": task,
                "BOATYARD_VAULT": "https://boatyard-users.vault.azure.net",
                "BOATYARD_INVOKERS_CHECKED": "true",
                "BOATYARD_DEFAULT_REPOSITORY": f"{images.address}/images",
                "BOATYARD_INSECURE_REGISTRIES": images.address,
            },
            images,
        )
