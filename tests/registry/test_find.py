"""Found, not found, unknown: the three answers are never confused."""

import json
import threading
from itertools import product

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import OciRegistry
from boatyard_registry.media import LARGEST_MANIFEST
from boatyard_registry.retries import Retries
from tests.ports import free_port
from tests.registry.conftest import Lookup
from tests.registry.server import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    FakeRegistry,
    Fault,
    digest_of,
)

AMD64 = ("linux/amd64",)


def refused(registry: OciRegistry, reference: Reference, code: str = "REGISTRY_UNAVAILABLE") -> str:
    with pytest.raises(BoatyardError) as caught:
        registry.find(reference, AMD64)
    assert caught.value.code == code
    return caught.value.detail


class TestFound:
    @pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
    def test_an_image_of_one_platform(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, media_type: str
    ) -> None:
        labels = {"io.boatyard.key": "abc"}
        digest = fake.add_image("acme/image", "tag", labels=labels, layer=b"12345", media_type=media_type)
        found = lookup().find(image, AMD64)
        assert found is not None
        assert found.reference == f"{fake.address}/acme/image@{digest}"
        assert (found.digest, found.platforms, found.key, found.size) == (digest, AMD64, "abc", 5)

    @pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
    def test_an_image_of_many_platforms(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, media_type: str
    ) -> None:
        digest = fake.add_index(
            "acme/image", "tag", ("linux/amd64", "linux/arm64"), attested=True, media_type=media_type
        )
        found = lookup().find(image, ("linux/arm64", "linux/amd64"))
        assert found is not None
        assert (found.digest, found.platforms) == (digest, ("linux/amd64", "linux/arm64"))
        assert found.attestations == ("sha256:" + "a" * 64,)

    def test_by_digest(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        digest = fake.add_image("acme/image", "other")
        found = lookup().find(image.at(digest), AMD64)
        assert found and found.digest == digest

    def test_a_digest_counts_more_than_a_tag(self, fake: FakeRegistry, lookup: Lookup) -> None:
        fake.add_image("acme/image", "tag", layer=b"new")
        digest = fake.add_image("acme/image", "old", layer=b"old")
        found = lookup().find(Reference.parse(f"{fake.address}/acme/image:tag@{digest}"), AMD64)
        assert found and found.digest == digest

    @pytest.mark.parametrize(
        ("has", "wanted"),
        [("linux/arm64/v8", "linux/arm64"), ("linux/arm64", "linux/arm64/v8"), ("linux/arm/v7", "linux/arm")],
    )
    def test_platforms_are_compared_by_meaning(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, has: str, wanted: str
    ) -> None:
        fake.add_image("acme/image", "tag", platform=has)
        fake.add_index("acme/image", "index", (has,))
        assert lookup().find(image, (wanted,))
        assert lookup().find(Reference(image.repository, "index"), (wanted,))

    def test_whoever_asks_about_the_image_itself_learns_key_and_size(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        fake.add_index("acme/image", "tag", ("linux/amd64", "linux/arm64"))
        found = lookup().find(image, ())
        assert found and (found.key, found.size) == ("k", 3)

    def test_the_second_time_needs_one_request(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag")
        registry = lookup()
        registry.find(image, AMD64)
        before = len(fake.seen)
        registry.find(image, AMD64)
        assert len(fake.seen) == before + 1

    def test_many_threads_share_one_lookup(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag")
        registry = lookup()
        found: list[object] = []
        threads = [threading.Thread(target=lambda: found.append(registry.find(image, AMD64))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 20 and all(found)


class TestNotFound:
    def test_no_such_tag(self, lookup: Lookup, image: Reference) -> None:
        assert lookup().find(image, AMD64) is None

    @pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
    def test_every_word_that_registries_have_for_it(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, code: str
    ) -> None:
        fake.faults = [Fault(status=404, body=json.dumps({"errors": [{"code": code}]}).encode())]
        assert lookup().find(image, AMD64) is None

    def test_not_for_that_platform(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag", platform="linux/arm64")
        assert lookup().find(image, AMD64) is None

    def test_not_for_all_of_the_platforms(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_index("acme/image", "tag", AMD64, attested=True)
        assert lookup().find(image, ("linux/amd64", "linux/arm64")) is None

    def test_an_artifact_that_is_no_image(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        blob = fake.add_blob(b"not json")
        document = {"config": {"digest": blob, "size": 8, "mediaType": "chart"}, "layers": []}
        fake.add_manifest("acme/image", "tag", document, OCI_MANIFEST)
        assert lookup().find(image, AMD64) is None

    def test_an_image_whose_config_was_collected(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag")
        fake.blobs.clear()
        assert lookup().find(image, AMD64) is None


class TestCannotBeKnown:
    @pytest.mark.parametrize("status", [400, 404, 405, 408, 418, 429, 500, 502, 503, 504])
    def test_answers_that_settle_nothing(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, status: int
    ) -> None:
        fake.add_image("acme/image", "tag")
        fake.faults = [Fault(status=status, body=b"<html>proxy</html>", times=99)]
        assert fake.address in refused(lookup(), image)

    @pytest.mark.parametrize(
        ("status", "body"), list(product([401, 403], [b"", b'{"errors":[{"code":"NAME_UNKNOWN"}]}']))
    )
    def test_a_refusal_is_never_not_found(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, status: int, body: bytes
    ) -> None:
        fake.faults = [Fault(status=status, body=body, times=99)]
        refused(lookup(), image, "REGISTRY_DENIED")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"schemaVersion":1,"name":"x"}',
            b'{"manifests":[],"config":{"digest":"x","size":1}}',
            b'{"config":5}',
            b"\xff\xfe",
        ],
    )
    def test_garbage_is_no_image(self, fake: FakeRegistry, lookup: Lookup, image: Reference, body: bytes) -> None:
        fake.faults = [Fault(status=200, body=body, times=99)]
        refused(lookup(), image)

    def test_another_manifest_than_the_digest_says(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        digest = fake.add_image("acme/image", "tag")
        _, body = fake.manifests["acme/image", "tag"]
        fake.faults = [Fault(status=200, body=body + b" ", times=99)]
        assert "sha256:" in refused(lookup(), image.at(digest))
        fake.faults = [Fault(status=200, body=body + b" ", headers={"docker-content-digest": digest}, times=99)]
        refused(lookup(), image)

    def test_a_config_with_another_digest(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag")
        fake.faults = [Fault(status=200, body=b"{}", path="/blobs/", times=99)]
        refused(lookup(), image)

    def test_an_answer_without_an_end(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.faults = [Fault(status=200, body=b" " * (LARGEST_MANIFEST + 1), times=99)]
        assert "more than" in refused(lookup(), image)

    def test_a_connection_that_breaks(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.faults = [Fault(close=True, times=99)]
        refused(lookup(), image)

    def test_nobody_listens(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        registry = OciRegistry(insecure=[address], retries=Retries(attempts=1))
        assert "refused" in refused(registry, Reference.parse(f"{address}/x:y"))

    def test_plain_http_where_tls_was_expected(self, fake: FakeRegistry, image: Reference) -> None:
        detail = refused(OciRegistry(retries=Retries(attempts=1)), image)
        assert "insecureRegistries" in detail


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_what_passes_is_tried_again(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference, status: int
    ) -> None:
        fake.add_image("acme/image", "tag")
        fake.faults = [Fault(status=status, times=2)]
        assert lookup().find(image, AMD64)

    def test_a_broken_connection_is_tried_again(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.add_image("acme/image", "tag")
        fake.faults = [Fault(close=True, times=2)]
        assert lookup().find(image, AMD64)

    def test_tries_are_bounded(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.faults = [Fault(status=503, times=99)]
        refused(lookup(retries=Retries(attempts=3, first_pause_seconds=0.001)), image)
        assert len(fake.seen) == 3

    def test_what_is_settled_is_not_asked_again(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.faults = [Fault(status=403, times=99)]
        refused(lookup(), image, "REGISTRY_DENIED")
        assert len(fake.seen) == 1

    def test_a_registry_that_asks_for_more_than_we_wait_is_unavailable(
        self, fake: FakeRegistry, lookup: Lookup, image: Reference
    ) -> None:
        fake.faults = [Fault(status=429, headers={"retry-after": "3600"}, times=99)]
        refused(lookup(), image)
        assert len(fake.seen) == 1


class TestDigestAndContents:
    def test_the_digest_of_a_tag(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        digest = fake.add_image("acme/image", "tag")
        assert lookup().digest(image) == digest
        assert fake.paths("GET") == []
        assert lookup().digest(Reference(image.repository, "other")) is None

    def test_a_proxys_404_to_a_head_is_not_believed(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        fake.faults = [Fault(status=404, body=b"<html>", times=99)]
        with pytest.raises(BoatyardError):
            lookup().digest(image)

    def test_the_layers_of_all_platforms(self, fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
        digest = fake.add_index("acme/image", "tag", ("linux/amd64", "linux/arm64"))
        contents = lookup().contents(image)
        assert contents and contents.digest == digest
        assert contents.layers == (digest_of(b"x"), digest_of(b"xx"))
