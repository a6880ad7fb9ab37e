"""`cache.repository`: the layers so far are in a repository of their own, and images in others, which are written with
tokens for exactly what a request needs. With a real registry that checks them."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.reference import Reference, Repository
from boatyard_layers.base import resolve
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.building import Building, Segment
from boatyard_layers.image import make_image
from boatyard_layers.model import LayerBlob, PathEntry, Prefix
from boatyard_layers.pack import LayerItem, pack, with_parents
from boatyard_layers.store import LayerStore
from boatyard_registry import Credentials
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryCall, RegistryClient
from tests.buildkit import jobs
from tests.layers.test_platforms import Told
from tests.registry.conftest import Passwords
from tests.registry.distribution import PASSWORD, USER, Distribution
from tests.registry.token_server import TokenServer

pytestmark = pytest.mark.integration

LAYERS = ({"commands": {"cmd": ["true"]}}, {"copyConfig": {"src": "src", "dst": "/srv"}})


class Site:
    """A registry with tokens, and a base in a repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = TokenServer(folder, USER, PASSWORD)
        self.registry = Distribution(folder, auth=self.tokens.configuration)
        self.address = self.registry.address
        self.client = self.sign_in()
        self.told = Told()
        (folder / "context/src").mkdir(parents=True)
        (folder / "context/src/app.py").write_text("print()\n")
        (folder / "uv-amd64").write_text("uv")
        self.base, self.ran = f"{self.address}/bases/python:v1", 0
        self._push(Reference.parse(self.base), ("/opt/venv/bin/python", "/etc/passwd"), ())

    def sign_in(self) -> RegistryClient:
        """As a new job does, without a token."""
        login = Passwords(**{self.address: Credentials(username=USER, password=PASSWORD)})
        return RegistryClient(keychain=login, insecure=[self.address])

    def close(self) -> None:
        self.client.close()
        self.registry.close()
        self.tokens.close()

    def make(self, name: str, *layers: dict[str, Any]) -> tuple[str, str]:
        """Builds an image of that name on an empty machine. Returns its digest and the log."""
        self.told.lines.clear()
        settings = msgspec.structs.replace(
            jobs.SETTINGS,
            layers="registry",
            default_repository=f"{self.address}/{name}",
            insecure_registries=(self.address,),
            uv=msgspec.structs.replace(jobs.SETTINGS.uv, directory=str(self.folder)),
            cache=msgspec.structs.replace(jobs.SETTINGS.cache, repository=f"{self.address}/shared/cache"),
        )
        job = jobs.make(list(layers), settings=settings, base=self.base, context_needed=True)
        building = Building(
            context=self.folder / "context",
            work=Path(tempfile.mkdtemp(dir=self.folder)),
            client=self.sign_in(),
            report=self.told,
            run_segment=self._run,
            secret=lambda name: name,
            cache=BuilderCache(self.folder / "cache"),
        )
        made = make_image(job, building)
        building.client.close()
        return f"{Reference.parse(job.target).repository}@{made.digest}", "\n".join(self.told.lines)

    def layers(self, image: str) -> list[str]:
        """Digests of an image's layers, which its own repository must have."""
        reference = Reference.parse(image)
        document = Blobs(self.client).get_manifest(reference)
        assert document
        digests = [layer["digest"] for layer in json.loads(document.body)["layers"]]
        assert all(Blobs(self.client).exists(reference.repository, digest) for digest in digests)
        return digests

    def tags(self, repository: str) -> set[str]:
        """Kinds of the tags in a repository, by their first word."""
        call = RegistryCall(method="GET", repository=Repository.parse(f"{self.address}/{repository}"), path="tags/list")
        return {tag.partition("-")[0] for tag in json.loads(self.client.send(call).body)["tags"]}

    def _run(self, segment: Segment) -> str:
        """Stands in for BuildKit: adds a file to the base, and pushes the result to the segment's target."""
        self.ran += 1
        nowhere = Repository.parse(f"{self.address}/read")
        store = LayerStore(Blobs(self.client), nowhere, nowhere)
        below = resolve(segment.base, segment.platform, {}, self.client, store)
        return self._push(Reference.parse(segment.target), ("/made",), below.layers)

    def _push(self, target: Reference, paths: tuple[str, ...], below: tuple[LayerBlob, ...]) -> str:
        store = LayerStore(Blobs(self.client), target.repository, target.repository)
        items = with_parents((LayerItem(PathEntry(path=path), path.encode()) for path in paths), ())
        layer = pack(items, self.folder / "layer", "zstd", 3)
        store.put_layer(layer, self.folder / "layer")
        config: dict[str, object] = {"os": "linux", "architecture": "amd64", "config": {"Env": ["PATH=/bin"]}}
        prefix = Prefix(key="", platform="linux/amd64", layers=(*below, layer), config=config)
        return store.put_image(target, {"linux/amd64": prefix}, {})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def test_what_is_made_so_far_is_in_the_cache_and_is_mounted_into_every_image(site: Site) -> None:
    first, _ = site.make("team/app", *LAYERS)
    assert site.tags("shared/cache") == {"prefix", "facts"}
    assert not site.tags(repository_of(first)) & {"prefix", "facts"}
    assert site.tags("bases/python") == {"v1"}
    second, log = site.make("other/job", LAYERS[0], {"env": {"envVariables": {"A": "1"}}}, LAYERS[1])
    assert (site.ran, f"found in {site.address}/shared/cache" in log) == (1, True)
    ours, theirs = site.layers(first), site.layers(second)
    assert ours[:3] == theirs[:3] and len(ours) == 4
    asked = (site.folder / "registry.log").read_text()
    mounts = re.findall(r'"POST /v2/([a-z/]+)/blobs/uploads/\?mount=[^& ]+&from=([a-z]+)%2F[a-z]+ HTTP/1.1" 201', asked)
    images = {(repository_of(image), "shared") for image in (first, second)}
    assert {("shared/cache", "bases"), *images} <= set(mounts)
    assert any(f"{repository_of(first)}:pull,push" in scope for scope in site.tokens.asked)


def repository_of(image: str) -> str:
    return Reference.parse(image).repository.path
