"""Blobs move between files and repositories in bounded memory, and arrive whole or not at all."""

import errno
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.media import Descriptor
from boatyard_registry.retries import Retries
from tests.registry.conftest import Passwords
from tests.registry.server import OCI_MANIFEST, FakeRegistry, Fault, digest_of, running

DATA = b"0123456789" * 100_000
LOST = b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}'
BLOB = Descriptor(digest_of(DATA), len(DATA))


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with running() as registry:
        yield registry


@pytest.fixture
def client(fake: FakeRegistry, other: FakeRegistry, login: Passwords) -> Iterator[RegistryClient]:
    made = RegistryClient(
        insecure=[fake.address, other.address], keychain=login, retries=Retries(first_pause_seconds=0.001)
    )
    yield made
    made.close()


@pytest.fixture
def blobs(client: RegistryClient) -> Blobs:
    return Blobs(client, pause_seconds=0)


@pytest.fixture
def here(fake: FakeRegistry) -> Repository:
    return Repository.parse(f"{fake.address}/acme/image")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "blob").write_bytes(DATA)
    return tmp_path / "blob"


@pytest.mark.parametrize("auth", ["", "basic", "bearer"])
def test_a_file_is_uploaded_once_and_downloaded(
    auth: str, fake: FakeRegistry, blobs: Blobs, here: Repository, file: Path, tmp_path: Path
) -> None:
    fake.auth = auth
    for _ in range(2):
        blobs.upload(here, file, BLOB.digest)
    assert len([path for path in fake.paths("PUT") if "blobs" in path]) == 1
    blobs.download(here, BLOB, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == DATA
    assert blobs.exists(here, BLOB.digest)
    assert not blobs.exists(here, digest_of(b"other"))


@pytest.mark.parametrize("lost", [False, True])
def test_an_upload_that_broke_off_starts_again_from_the_beginning(
    lost: bool, fake: FakeRegistry, blobs: Blobs, here: Repository, file: Path
) -> None:
    fake.faults = [
        Fault(method="PUT", close=True),
        Fault(method="PUT", status=503) if not lost else Fault(method="PUT", status=404, body=LOST),
    ]
    blobs.upload(here, file, BLOB.digest)
    assert fake.blobs[BLOB.digest] == DATA
    assert len(fake.paths("POST")) == 3


def test_an_upload_whose_answer_was_lost_is_not_repeated(
    fake: FakeRegistry, blobs: Blobs, here: Repository, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.faults = [Fault(method="PUT", status=502)]
    asked = blobs.exists
    answers = iter([False, True])
    monkeypatch.setattr(blobs, "exists", lambda *a, **k: next(answers))
    blobs.upload(here, file, BLOB.digest)
    assert not asked(here, BLOB.digest)
    assert len(fake.paths("PUT")) == 1


def test_a_file_with_other_bytes_is_not_uploaded(
    fake: FakeRegistry, blobs: Blobs, here: Repository, file: Path
) -> None:
    with pytest.raises(BoatyardError):
        blobs.upload(here, file, digest_of(b"other"))
    assert not fake.blobs


@pytest.mark.parametrize("given", [DATA[:-1], DATA + b"x", b"x" * len(DATA), b""])
def test_a_download_is_the_blob_or_nothing(
    given: bytes, fake: FakeRegistry, blobs: Blobs, here: Repository, tmp_path: Path
) -> None:
    fake.blobs[BLOB.digest] = given
    with pytest.raises(BoatyardError) as refused:
        blobs.download(here, BLOB, tmp_path / "out")
    assert refused.value.code == "REGISTRY_UNAVAILABLE"
    assert not (tmp_path / "out").exists()


def test_a_download_that_broke_off_starts_again(
    fake: FakeRegistry, blobs: Blobs, here: Repository, tmp_path: Path
) -> None:
    fake.add_blob(DATA)
    fake.faults = [
        Fault(method="GET", path="blobs", status=200, body=b"9" * 70_000, headers={"content-length": str(len(DATA))})
    ]
    fake.faults[0].headers["connection"] = "close"
    blobs.download(here, BLOB, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == DATA


def test_a_blob_store_gets_no_credentials(
    fake: FakeRegistry, other: FakeRegistry, blobs: Blobs, here: Repository, tmp_path: Path
) -> None:
    fake.auth = "basic"
    other.add_blob(DATA)
    fake.add_blob(DATA)
    fake.blob_redirect = f"http://{other.address}/v2/x/blobs"
    blobs.download(here, BLOB, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == DATA
    assert other.seen
    assert not any("authorization" in seen.headers for seen in other.seen)


def test_a_blob_is_mounted_from_the_same_registry(fake: FakeRegistry, blobs: Blobs, here: Repository) -> None:
    target = Repository(here.host, "acme/other")
    fake.faults = [Fault(method="HEAD", status=404), Fault(method="POST", path="from=acme", status=201)]
    fake.add_blob(DATA)
    blobs.mount_or_copy(BLOB, here, target)
    assert not [path for path in fake.paths("PUT") if "blobs" in path]


def test_a_mount_asks_for_a_token_of_both_repositories(fake: FakeRegistry, blobs: Blobs, here: Repository) -> None:
    fake.auth = "bearer"
    target = Repository(here.host, "acme/other")
    blob = Descriptor(digest_of(b"small"), 5)
    with pytest.raises(BoatyardError):
        blobs.mount_or_copy(blob, here, target)  # the fake does not mount, and does not have the blob
    scopes = [path for path in fake.paths("GET") if path.startswith("/token")]
    both = "scope=repository%3Aacme%2Fother%3Apull%2Cpush&scope=repository%3Aacme%2Fimage%3Apull"
    assert any(both in path for path in scopes)


def test_a_blob_is_copied_to_another_registry(
    fake: FakeRegistry, other: FakeRegistry, blobs: Blobs, here: Repository
) -> None:
    fake.add_blob(DATA)
    target = Repository.parse(f"{other.address}/acme/image")
    blobs.mount_or_copy(BLOB, here, target)
    assert other.blobs[BLOB.digest] == DATA


def test_manifests_are_verified(fake: FakeRegistry, blobs: Blobs, here: Repository) -> None:
    body = b'{"schemaVersion": 2, "config": {}}'
    digest = blobs.put_manifest(Reference(here, "prefix-1"), body, OCI_MANIFEST)
    assert digest == digest_of(body)
    assert blobs.get_manifest(Reference(here, "prefix-1")) == (body, OCI_MANIFEST, digest)
    assert blobs.get_manifest(Reference(here, "prefix-2")) is None
    fake.manifests["acme/image", digest] = (OCI_MANIFEST, b"other")
    with pytest.raises(BoatyardError, match="not the manifest"):
        blobs.get_manifest(Reference(here).at(digest))


def test_an_immutable_tag_stays(fake: FakeRegistry, blobs: Blobs, here: Repository) -> None:
    fake.immutable = True
    for body, code in ((b"{}", ""), (b"{}", ""), (b"[]", "TAG_IMMUTABLE")):
        try:
            blobs.put_manifest(Reference(here, "t"), body, OCI_MANIFEST)
            found = ""
        except BoatyardError as error:
            found = error.code
        assert found == code


def test_a_refused_push_is_named(fake: FakeRegistry, blobs: Blobs, here: Repository, file: Path) -> None:
    fake.read_only = True
    with pytest.raises(BoatyardError) as refused:
        blobs.upload(here, file, BLOB.digest)
    assert refused.value.code == "PUSH_DENIED"


@pytest.mark.parametrize(
    ("status", "code"), [(400, "PUSH_DENIED"), (413, "PUSH_DENIED"), (500, "REGISTRY_UNAVAILABLE")]
)
def test_a_manifest_that_is_refused_for_good_is_not_a_registry_that_is_down(
    fake: FakeRegistry, blobs: Blobs, here: Repository, status: int, code: str
) -> None:
    fake.faults = [Fault(method="PUT", path="/manifests/", status=status, times=99)]
    with pytest.raises(BoatyardError) as refused:
        blobs.put_manifest(Reference(here, "t"), b"{}", OCI_MANIFEST)
    assert refused.value.code == code


def test_a_digest_from_outside_never_becomes_a_path(blobs: Blobs, here: Repository, tmp_path: Path) -> None:
    for digest in ("../../x", "sha256:" + "A" * 64, "sha512:" + "a" * 128, ""):
        with pytest.raises(BoatyardError, match="without a sha256"):
            blobs.download(here, Descriptor(digest, 1), tmp_path / "out")


class FullDisk(BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "full")


def test_a_full_disk_is_no_broken_registry(
    fake: FakeRegistry, blobs: Blobs, here: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add_blob(DATA)
    monkeypatch.setattr(Path, "open", lambda *_: FullDisk())
    with pytest.raises(BoatyardError, match="No space left") as refused:
        blobs.download(here, BLOB, tmp_path / "out")
    assert refused.value.code == "DISK_FULL"
    assert len(fake.paths("GET")) == 1
