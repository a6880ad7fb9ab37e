"""A base image is resolved for a platform and read once; anything odd about it goes to BuildKit."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.reference import Reference, Repository
from boatyard_layers import unpacked_interpreter
from boatyard_layers.artifacts import deflated
from boatyard_layers.base import is_kept, resolve
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Base, PathEntry
from boatyard_layers.store import LayerStore
from boatyard_layers.unpacked_interpreter import interpreter_of
from boatyard_registry.client import RegistryClient
from tests.registry.server import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, FakeRegistry, digest_of

StoreAt = Callable[..., LayerStore]
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
SITE = "opt/venv/lib/python3.11/site-packages"
FIRST = {
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "opt/venv/pyvenv.cfg": b"version = 3.11.2\n",
    f"{SITE}/rich-13.dist-info/RECORD": b"old",
    f"{SITE}/gone-1.dist-info/RECORD": b"gone",
    f"{SITE}/rich/__init__.py": b"code",
    "usr/bin/python3.11": b"\x7fELF no loader",
    "opt/venv/bin/python": b"-> /usr/bin/python3.11",
}
SECOND = {f"{SITE}/rich-13.dist-info/RECORD": b"new", f"{SITE}/.wh.gone-1.dist-info": b""}


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            if data.startswith(b"-> "):
                info.type, info.linkname = tarfile.SYMTYPE, data[3:].decode()
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def push(
    fake: FakeRegistry,
    *layers: dict[str, bytes],
    tag: str = "v1",
    architecture: str = "amd64",
    layer_type: str = DOCKER_LAYER,
    edit: Callable[[dict[str, Any], dict[str, Any]], object] = lambda manifest, config: None,
) -> str:
    """Pushes an image as Docker does, and returns its digest."""
    described, diff_ids = [], []
    for files in layers:
        plain = tar(files)
        blob = gzip.compress(plain, mtime=0)
        diff_ids.append(digest_of(plain))
        described.append({"mediaType": layer_type, "digest": fake.add_blob(blob), "size": len(blob)})
    config = {
        "os": "linux",
        "architecture": architecture,
        "config": {"Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "x"}],
    }
    manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "layers": described}
    edit(manifest, config)
    data = json.dumps(config).encode()
    manifest["config"] = {"mediaType": "application/json", "digest": fake.add_blob(data), "size": len(data)}
    return fake.add_manifest("acme/base", tag, manifest, DOCKER_MANIFEST)


@pytest.fixture
def reference(fake: FakeRegistry) -> Reference:
    return Reference.parse(f"{fake.address}/acme/base:v1")


@pytest.fixture
def cache(fake: FakeRegistry) -> Repository:
    return Repository.parse(f"{fake.address}/acme/images")


Resolve = Callable[..., Base]


@pytest.fixture
def resolved(client: RegistryClient, store_at: StoreAt, reference: Reference, cache: Repository) -> Resolve:
    """Resolves as another machine: its store has read nothing yet."""

    def run(platform: str = "linux/amd64", *, at: Repository = cache, mirrors: dict[str, str] | None = None) -> Base:
        return resolve(reference, platform, mirrors or {}, client, store_at(at))

    return run


def test_a_base_is_known_by_all_of_its_layers(fake: FakeRegistry, resolved: Resolve) -> None:
    digest = push(fake, FIRST, SECOND)
    base = resolved()
    assert (base.digest, base.repository) == (digest, f"{fake.address}/acme/base")
    assert base.config == {"os": "linux", "architecture": "amd64", "config": {"Env": ["A=b"]}}
    assert [layer.media_type for layer in base.layers] == ["application/vnd.oci.image.layer.v1.tar+gzip"] * 2
    assert [layer.diff_id for layer in base.layers] == [digest_of(tar(FIRST)), digest_of(tar(SECOND))]
    assert base.facts.files == {
        "/etc/group": FIRST["etc/group"],
        "/etc/passwd": FIRST["etc/passwd"],
        "/opt/venv/pyvenv.cfg": FIRST["opt/venv/pyvenv.cfg"],
        f"/{SITE}/rich-13.dist-info/RECORD": b"new",
    }
    inventory = Inventory.decode(base.facts.inventory)
    assert inventory.get(f"/{SITE}/rich/__init__.py")
    assert not inventory.get(f"/{SITE}/gone-1.dist-info")
    assert inventory.resolve("/opt/venv/bin/python") == "/usr/bin/python3.11"


def test_another_machine_reads_no_layer_of_a_base_that_was_read(fake: FakeRegistry, resolved: Resolve) -> None:
    push(fake, FIRST, SECOND)
    first = resolved()
    fake.seen.clear()
    assert resolved() == first
    assert not [path for path in fake.paths("GET") if any(layer.digest in path for layer in first.layers)]


def test_facts_of_another_base_are_not_used(fake: FakeRegistry, resolved: Resolve, notes: list[str]) -> None:
    push(fake, FIRST)
    resolved()
    ours = next(name for _, name in fake.manifests if name.startswith("facts-"))
    push(fake, FIRST, SECOND)
    right = resolved()
    theirs = next(name for _, name in fake.manifests if name.startswith("facts-") and name != ours)
    fake.manifests["acme/images", theirs] = fake.manifests["acme/images", ours]
    assert resolved() == right
    assert "of other layers" in "".join(notes)


def test_the_image_of_an_index_is_the_platforms_own(fake: FakeRegistry, resolved: Resolve) -> None:
    digests = {each: push(fake, FIRST, tag=each, architecture=each) for each in ("amd64", "arm64")}
    entries = [
        {"digest": digest, "size": 1, "mediaType": DOCKER_MANIFEST, "platform": {"os": "linux", "architecture": name}}
        for name, digest in digests.items()
    ]
    entries[1]["platform"]["variant"] = "v8"  # type: ignore[index]
    fake.add_manifest("acme/base", "v1", {"schemaVersion": 2, "manifests": entries}, OCI_INDEX)
    assert resolved("linux/arm64").digest == digests["arm64"]
    assert resolved("linux/amd64").digest == digests["amd64"]
    with pytest.raises(NotExact, match="is not for linux/s390x"):
        resolved("linux/s390x")


def test_a_mirror_is_read_instead(fake: FakeRegistry, resolved: Resolve) -> None:
    document = push(fake, FIRST)
    fake.manifests["mirror/acme/base", "v1"] = fake.manifests["acme/base", "v1"]
    base = resolved(mirrors={fake.address: f"{fake.address}/mirror"})
    assert (base.repository, base.digest) == (f"{fake.address}/mirror/acme/base", document)


def test_layers_of_another_registry_are_read_and_copied_at_one_time(
    fake: FakeRegistry, other: FakeRegistry, resolved: Resolve
) -> None:
    push(fake, FIRST, SECOND)
    base = resolved(at=Repository.parse(f"{other.address}/acme/images"))
    for layer in base.layers:
        assert layer.digest in other.blobs
        assert len([path for path in fake.paths("GET") if layer.digest in path]) == 1


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda manifest, config: manifest.update(layers=manifest["layers"][:1]), "differ"),
        (lambda manifest, config: manifest["layers"][0].update(digest="sha256:x"), "a layer of the type"),
        (lambda manifest, config: manifest["layers"][0].update(mediaType="foreign"), "of the type 'foreign'"),
        (lambda manifest, config: config.pop("rootfs"), "no image"),
        (lambda manifest, config: config.update(architecture="arm64"), "not for linux/amd64"),
    ],
)
def test_an_odd_image_is_left_to_buildkit(
    edit: Callable[[dict[str, Any], dict[str, Any]], object], why: str, fake: FakeRegistry, resolved: Resolve
) -> None:
    push(fake, FIRST, SECOND, edit=edit)
    with pytest.raises(NotExact, match=why):
        resolved()


def test_a_missing_image_is_left_to_buildkit(resolved: Resolve) -> None:
    with pytest.raises(NotExact, match="does not have"):
        resolved()


def test_a_layer_that_is_no_tar_is_left_to_buildkit(fake: FakeRegistry, resolved: Resolve) -> None:
    push(fake, FIRST, layer_type="application/vnd.oci.image.layer.v1.tar+zstd")
    with pytest.raises(NotExact, match="cannot be read"):
        resolved()


@pytest.mark.parametrize(
    ("missing", "why"), [("opt/venv/bin/python", "has no /opt/venv/bin/python"), ("x", "not linked in a way")]
)
def test_an_interpreter_that_cannot_run_here_is_named(
    missing: str,
    why: str,
    fake: FakeRegistry,
    resolved: Resolve,
    client: RegistryClient,
    store_at: StoreAt,
    reference: Reference,
    cache: Repository,
    tmp_path: Path,
) -> None:
    push(fake, {path: data for path, data in FIRST.items() if path != missing})
    with pytest.raises(NotExact, match=why):
        interpreter_of(reference, resolved(), {}, client, store_at(cache), BuilderCache(tmp_path))


def test_no_sibling_for_this_machine_is_named(
    fake: FakeRegistry,
    resolved: Resolve,
    client: RegistryClient,
    store_at: StoreAt,
    reference: Reference,
    cache: Repository,
    tmp_path: Path,
) -> None:
    push(fake, FIRST, architecture="s390x")
    base = resolved("linux/s390x")
    with pytest.raises(NotExact, match=r"the interpreter for this machine: .* is not for linux/"):
        interpreter_of(reference, base, {}, client, store_at(cache), BuilderCache(tmp_path))


def test_a_forged_interpreter_is_not_unpacked(
    fake: FakeRegistry,
    resolved: Resolve,
    client: RegistryClient,
    store_at: StoreAt,
    reference: Reference,
    cache: Repository,
    tmp_path: Path,
) -> None:
    """It is read from the layers then, where this image has none that runs."""
    import msgspec

    from boatyard import canonical
    from boatyard_layers.interpreter_artifact import Parts

    push(fake, FIRST)
    base = resolved()
    key = canonical.digest(
        ("boatyard/interpreter/1", "/usr/bin/python3.11", tuple(layer.digest for layer in base.layers))
    )
    for parts in (
        Parts(key="0" * 64, python="/usr/bin/python3.11", loader="/ld", libraries=(), files={"/ld": b"x"}),
        Parts(key=key, python="/usr/bin/python3.11", loader="/ld", libraries=(), files={"/../escaped": b"x"}),
        {"key": key},
    ):
        store_at(cache).put_python(key, deflated(msgspec.msgpack.encode(parts)))
        with pytest.raises(NotExact, match="not linked in a way"):
            interpreter_of(reference, base, {}, client, store_at(cache), BuilderCache(tmp_path))
        assert not list(tmp_path.rglob("escaped"))
    assert ("acme/images", f"facts-{key[:32]}") in fake.manifests
    assert fake.manifests["acme/images", f"facts-{key[:32]}"][0] == OCI_MANIFEST


def test_the_parts_of_an_interpreter_are_kept_while_the_base_is_read_or_read_again(
    fake: FakeRegistry,
    client: RegistryClient,
    store_at: StoreAt,
    reference: Reference,
    cache: Repository,
    tmp_path: Path,
) -> None:
    """Its program is none, so that only the parts are compared."""
    program = b"\x7fELF /lib64/ld-linux-x86-64.so.2\0"
    parts = {"usr/bin/python3.11": program, "usr/lib/python3.11/os.py": b"os", "usr/lib/python3.11/test/t.py": b"t"}
    libraries = {"lib64/ld-linux-x86-64.so.2": b"ld", "usr/lib/x/libc.so.6": b"c", "usr/lib/x/other.so": b"o"}
    push(fake, FIRST | parts, libraries)
    found = []
    for number in range(2):
        store = store_at(cache)
        base = resolve(reference, "linux/amd64", {}, client, store)
        assert sorted(base.facts.files) == sorted(f"/{path}" for path in FIRST if is_kept(f"/{path}"))
        fake.seen.clear()
        with pytest.raises(NotExact, match=r"does not run here|confine"):
            interpreter_of(reference, base, {}, client, store, BuilderCache(tmp_path / str(number)))
        reads = [seen for seen in fake.seen if seen.method == "GET" and seen.path.endswith(base.layers[0].digest)]
        assert len(reads) == number
        ((name, manifest),) = [
            (name, json.loads(body))
            for (_, name), (_, body) in fake.manifests.items()
            if b"boatyard.python" in body and name.startswith("facts-")
        ]
        del fake.manifests["acme/images", name]
        found.append(manifest["layers"])
    assert found[0] == found[1]


def test_an_environment_that_the_base_lacks_may_use_the_bases_interpreter(
    fake: FakeRegistry,
    resolved: Resolve,
    client: RegistryClient,
    store_at: StoreAt,
    reference: Reference,
    cache: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plain Python base: the first step makes the environment, whose program is a link to the base's."""
    push(fake, {path: data for path, data in FIRST.items() if not path.startswith("opt/")})
    base = resolved()
    made = Inventory.decode(base.facts.inventory).applied(
        [PathEntry(path="/opt/venv/bin/python", kind="symlink", target="/usr/bin/python3.11")]
    )
    asked: list[Any] = []
    monkeypatch.setattr(unpacked_interpreter, "unpack", lambda *arguments, **_: asked.append(arguments))
    store = store_at(cache)
    there = (reference, base, {}, client, store, BuilderCache(tmp_path))
    interpreter_of(*there, inventory=made, layers=(*base.layers, base.layers[0]))
    assert asked.pop()[1:4] == ("/usr/bin/python3.11", base.layers, reference.repository)
    newer = made.applied(
        [
            PathEntry(path="/root/uv/bin/python3.12"),
            PathEntry(path="/opt/venv/bin/python", kind="symlink", target="/root/uv/bin/python3.12"),
        ]
    )
    interpreter_of(*there, inventory=newer, layers=(*base.layers, base.layers[0]))
    assert asked.pop()[1:4] == ("/root/uv/bin/python3.12", (*base.layers, base.layers[0]), cache)
