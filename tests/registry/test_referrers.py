"""A document is attached to an image and found again, with and without the referrers API."""

import json
from collections.abc import Iterator

import pytest

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry import Credentials
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import KIND, read_lock, record_lock
from boatyard_registry.referrers import attach, attached
from boatyard_registry.retries import Retries
from tests.core.locks import layer, lock, package
from tests.registry.conftest import Passwords
from tests.registry.distribution import Distribution
from tests.registry.server import OCI_INDEX, OCI_MANIFEST, PASSWORD, USER, FakeRegistry, Fault, digest_of, running
from tests.registry.test_copying import push

TEXT, OTHER = "application/vnd.example.text", "application/vnd.example.other"
LOCK = lock(layer(0, package("requests", "2.32.3")))


@pytest.fixture(params=["with the API", "with pages", "without the API"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with running(auth="bearer") as registry:
        registry.referrers_page = {"with the API": 100, "with pages": 1, "without the API": 0}[request.param]
        yield registry


@pytest.fixture
def plain() -> Iterator[FakeRegistry]:
    """A registry without the API."""
    with running() as registry:
        yield registry


def client_of(registry: FakeRegistry) -> RegistryClient:
    return RegistryClient(
        keychain=Passwords(**{registry.address: Credentials(username=USER, password=PASSWORD)}),
        insecure=[registry.address],
        retries=Retries(first_pause_seconds=0.001),
    )


def image_of(registry: FakeRegistry, tag: str = "one") -> Reference:
    digest = registry.add_image("acme/image", tag, layer=tag.encode())
    return Reference.parse(f"{registry.address}/acme/image@{digest}")


def list_tag(image: Reference) -> tuple[str, str]:
    return "acme/image", (image.digest or "").replace(":", "-")


def read(client: RegistryClient, image: Reference, kind: str = TEXT, limit: int = 100) -> set[bytes]:
    return set(attached(client, image, kind, limit=limit))


def test_documents_are_found_by_image_and_kind(fake: FakeRegistry) -> None:
    client, one, two = client_of(fake), image_of(fake, "one"), image_of(fake, "two")
    assert read(client, one) == set()
    attach(client, one, TEXT, b"first", annotations={"a": "b"})
    attach(client, one, TEXT, b"second")
    attach(client, one, OTHER, b"third")
    attach(client, two, TEXT, b"fourth")
    assert read(client, one) == {b"first", b"second"}
    assert read(client, one, OTHER) == {b"third"} and read(client, two) == {b"fourth"}


def test_the_same_document_twice_is_one(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    assert attach(client, image, TEXT, b"first") == attach(client, image, TEXT, b"first")
    assert attached(client, image, TEXT, limit=100) == (b"first",)


def test_a_lock_is_given_back(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    assert read_lock(client, image) is None
    record_lock(client, image, LOCK)
    assert read_lock(client, image) == LOCK


def test_locks_that_contradict_each_other_are_no_answer(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    record_lock(client, image, LOCK)
    attach(client, image, KIND, b"a lock of a later version")
    assert read_lock(client, image) == LOCK
    record_lock(client, image, lock(layer(0, package("requests", "1.0"))))
    with pytest.raises(BoatyardError, match="2 locks with different versions"):
        read_lock(client, image)


def test_an_image_that_is_not_there_gets_no_document(fake: FakeRegistry) -> None:
    absent = Reference.parse(f"{fake.address}/acme/image@sha256:{'0' * 64}")
    with pytest.raises(BoatyardError) as refused:
        attach(client_of(fake), absent, TEXT, b"first")
    assert refused.value.code is Code.NOT_FOUND and not fake.manifests


def test_a_refused_push_has_a_reason(fake: FakeRegistry) -> None:
    image = image_of(fake)
    fake.read_only = True
    with pytest.raises(BoatyardError) as refused:
        attach(client_of(fake), image, TEXT, b"first")
    assert refused.value.code is Code.PUSH_DENIED


def test_a_registry_that_gives_no_answer_is_not_one_without_documents(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    attach(client, image, TEXT, b"first")
    for path in ("referrers", "blobs/sha256:", "manifests/sha256"):
        fake.faults = [Fault(status=503, path=path, method="GET", times=100)]
        if path != "referrers" or fake.referrers_page:
            with pytest.raises(BoatyardError) as unknown:
                read(client, image)
            assert unknown.value.code is Code.REGISTRY_UNAVAILABLE


def test_what_was_deleted_or_changed_is_left_out_or_an_error(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    attach(client, image, TEXT, b"first")
    attach(client, image, TEXT, b"second")
    del fake.blobs[digest_of(b"first")]
    assert read(client, image) == {b"second"}
    fake.blobs[digest_of(b"second")] = b"forged"
    with pytest.raises(BoatyardError, match="sent a document that is not"):
        read(client, image)


def forge(fake: FakeRegistry, image: Reference, **fields: object) -> None:
    """Pushes an artifact that is right but for some fields, and lists it."""
    data = b"forged"
    blob = {"mediaType": TEXT, "digest": fake.add_blob(data), "size": len(data)}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": TEXT,
        "config": blob,
        "layers": [blob],
        "subject": {"mediaType": OCI_MANIFEST, "digest": image.digest, "size": 1},
    } | fields
    digest = fake.add_manifest("acme/image", "forged", document, OCI_MANIFEST)
    entry = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "artifactType": TEXT}
    fake.add_manifest(*list_tag(image), {"schemaVersion": 2, "manifests": [{"odd": 1}, entry]}, OCI_INDEX)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, {b"forged"}),
        ({"subject": {"mediaType": "", "digest": "sha256:" + "0" * 64, "size": 1}}, set()),
        ({"subject": None}, set()),
        ({"artifactType": OTHER}, set()),
        ({"layers": []}, set()),
        ({"layers": [{"mediaType": TEXT, "digest": "../../x", "size": 1}]}, set()),
        ({"layers": [{"mediaType": TEXT, "digest": digest_of(b"forged"), "size": 101}]}, set()),
        ({"layers": [{"mediaType": TEXT, "digest": digest_of(b"forged"), "size": -1}]}, set()),
        ({"layers": "x"}, set()),
    ],
)
def test_a_forged_list_names_no_document_of_another_image(
    fields: dict[str, object], found: set[bytes], plain: FakeRegistry
) -> None:
    image = image_of(plain)
    forge(plain, image, **fields)
    assert read(client_of(plain), image) == found


def test_only_a_few_documents_are_opened(fake: FakeRegistry) -> None:
    client, image = client_of(fake), image_of(fake)
    for number in range(9):
        attach(client, image, TEXT, b"%d" % number)
    with pytest.raises(BoatyardError, match=r"at most 8 are read|on more than 8 pages"):
        read(client, image)


def test_a_list_keeps_the_entries_of_others(plain: FakeRegistry) -> None:
    client, image = client_of(plain), image_of(plain)
    signature = {"digest": "sha256:" + "1" * 64, "size": 3, "mediaType": "x", "other": {"a": [1]}}
    plain.add_manifest(*list_tag(image), {"schemaVersion": 2, "manifests": [signature]}, OCI_INDEX)
    attach(client, image, TEXT, b"first")
    kept, added = json.loads(plain.manifests[list_tag(image)][1])["manifests"]
    assert kept == signature and added["artifactType"] == TEXT


def test_a_list_that_another_client_overwrote_is_written_again(plain: FakeRegistry) -> None:
    client, image = client_of(plain), image_of(plain)
    # The list's first write is lost, as when another client writes the list that it has read before.
    plain.faults = [Fault(status=201, path=f"manifests/{list_tag(image)[1]}", method="PUT", times=1)]
    attach(client, image, TEXT, b"first")
    assert read(client, image) == {b"first"}
    plain.faults = [Fault(status=201, path=f"manifests/{list_tag(image)[1]}", method="PUT", times=100)]
    with pytest.raises(BoatyardError, match="others keep writing"):
        attach(client, image, TEXT, b"second")


def test_a_list_that_may_not_change_is_an_error(plain: FakeRegistry) -> None:
    client, image = client_of(plain), image_of(plain)
    attach(client, image, TEXT, b"first")
    plain.immutable = True
    with pytest.raises(BoatyardError) as refused:
        attach(client, image, TEXT, b"second")
    assert refused.value.code is Code.TAG_IMMUTABLE and read(client, image) == {b"first"}


def test_something_else_under_the_lists_tag_stays(plain: FakeRegistry) -> None:
    client, image = client_of(plain), image_of(plain)
    plain.add_image("acme/image", list_tag(image)[1])
    before = plain.manifests[list_tag(image)]
    assert read(client, image) == set()
    with pytest.raises(BoatyardError, match="no list of documents"):
        attach(client, image, TEXT, b"first")
    assert plain.manifests[list_tag(image)] == before


def test_a_next_page_on_another_host_is_not_asked(plain: FakeRegistry) -> None:
    image = image_of(plain)
    headers = {"link": '<http://169.254.169.254/x>; rel="next"', "content-type": OCI_INDEX}
    plain.faults = [Fault(status=200, body=b'{"manifests": []}', headers=headers, path="referrers")]
    with pytest.raises(BoatyardError, match="another host"):
        read(client_of(plain), image)


@pytest.mark.integration
def test_distributions_own_registry_keeps_a_lock(tmp_path_factory: pytest.TempPathFactory) -> None:
    registry = Distribution(tmp_path_factory.mktemp("registry"))
    try:
        client = RegistryClient(insecure=[registry.address])
        image = Reference.parse(f"{registry.address}/acme/image:tag")
        image = image.at(push(client, image))
        assert read_lock(client, image) is None
        record_lock(client, image, LOCK)
        assert read_lock(client, image) == LOCK
    finally:
        registry.close()
