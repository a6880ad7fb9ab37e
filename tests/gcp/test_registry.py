"""Artifact Registry beyond the contract: missing repositories, immutable tags, other projects, and whose token is
sent."""

from collections.abc import Callable

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_gcp.registry import ArtifactRegistry
from boatyard_gcp.registry.host import repository_of
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.rest import GoogleRest
from boatyard_registry import OciRegistry
from boatyard_registry.retries import Retries
from boatyard_serverless.registries import NewRepositories
from tests.gcp.artifact_registry import CREATE, GET, HOST, AtGoogle, Repositories
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.registry.server import FakeRegistry, Fault

IMAGE = Reference.parse(f"{HOST}/{PROJECT}/images/acme/image:tag")
AMD64 = ("linux/amd64",)
Make = Callable[..., ArtifactRegistry]


@pytest.fixture
def google(images: FakeRegistry, repositories: Repositories, metadata: MetadataServer) -> AtGoogle:
    return AtGoogle(images, repositories, metadata)


@pytest.fixture
def registry(rest: GoogleRest, google: AtGoogle) -> Make:
    lookup = OciRegistry(
        keychain=GoogleKeychain(rest.identity),
        transport=google,
        retries=Retries(attempts=2, first_pause_seconds=0.001),
    )
    return lambda **new: ArtifactRegistry(rest, NewRepositories(**new), images=lookup, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HOST}/p/images/a:1", "projects/p/locations/europe-west1/repositories/images"),
        (f"{HOST}/p/images/a/b/c:1", "projects/p/locations/europe-west1/repositories/images"),
        ("us-docker.pkg.dev/p/r/a:1", "projects/p/locations/us/repositories/r"),
        (f"{HOST}/example.com/p/r/a:1", "projects/example.com:p/locations/europe-west1/repositories/r"),
        (f"{HOST}/p/images:1", None),
        ("gcr.io/p/image:1", None),
        ("ghcr.io/p/r/image:1", None),
    ],
)
def test_a_reference_says_where_its_repository_is(text: str, expected: str | None) -> None:
    found = repository_of(Reference.parse(text))
    assert (found.name if found else None) == expected


@pytest.mark.parametrize("answer", [404, 403])
def test_a_repository_that_is_missing_is_named_with_the_command_that_makes_it(
    registry: Make, google: AtGoogle, answer: int
) -> None:
    google.missing = answer
    with pytest.raises(BoatyardError, match=f"has no repository projects/{PROJECT}/locations/europe-west1") as caught:
        registry().find(IMAGE, AMD64)
    assert caught.value.code == "REPOSITORY_NOT_FOUND"
    command = "gcloud artifacts repositories create images --repository-format=docker --location=europe-west1"
    assert f"{command} --project={PROJECT}" in caught.value.detail


def test_who_only_looks_learns_that_there_is_no_image(registry: Make, artifact_registry: ApiServer) -> None:
    assert registry().find(IMAGE, ()) is None
    assert artifact_registry.count(GET) == 0


@pytest.mark.parametrize("answer", [404, 403])
@pytest.mark.parametrize("looks", [0, 3])
@pytest.mark.parametrize(("tags", "immutable"), [("IMMUTABLE", True), ("MUTABLE", False)])
def test_a_repository_that_is_missing_is_made_where_it_may_be(
    registry: Make, google: AtGoogle, repositories: Repositories, answer: int, looks: int, tags: str, immutable: bool
) -> None:
    google.missing, repositories.looks = answer, looks
    assert registry(allowed=True, tags=tags).find(IMAGE, AMD64) is None
    (made,) = repositories.found.values()
    assert made["format"] == "DOCKER" and made["dockerConfig"]["immutableTags"] is immutable


def test_a_repository_that_somebody_else_makes_is_there(
    registry: Make, repositories: Repositories, artifact_registry: ApiServer
) -> None:
    artifact_registry.fail(CREATE, 409, "ALREADY_EXISTS", times=1)
    assert registry(allowed=True).find(IMAGE, AMD64) is None
    repositories.failure = {"code": 6, "message": "it exists"}
    assert registry(allowed=True).find(IMAGE, AMD64) is None


def test_a_repository_that_cannot_be_made_is_an_error(
    registry: Make, repositories: Repositories, artifact_registry: ApiServer
) -> None:
    repositories.looks = 1000
    with pytest.raises(BoatyardError, match="still being created") as caught:
        registry(allowed=True).find(IMAGE, AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"
    repositories.found.clear()
    repositories.looks, repositories.failure = 0, {"code": 9, "message": "<script>"}
    with pytest.raises(BoatyardError, match="code 9") as caught:
        registry(allowed=True).find(IMAGE, AMD64)
    assert "<script>" not in caught.value.detail
    artifact_registry.fail(CREATE, 403, "PERMISSION_DENIED")
    with pytest.raises(BoatyardError, match=r"artifactregistry\.repositories\.create") as caught:
        registry(allowed=True).find(IMAGE, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"
    assert f"gcloud projects add-iam-policy-binding {PROJECT}" in caught.value.detail


def test_a_repository_that_is_there_is_asked_about_once(
    registry: Make, repositories: Repositories, artifact_registry: ApiServer
) -> None:
    repositories.make("images")
    found = registry()
    for _ in range(3):
        assert found.find(IMAGE, AMD64) is None
    assert artifact_registry.count(GET) == 1


def test_who_may_not_ask_for_the_repository_builds_all_the_same(
    registry: Make, repositories: Repositories, artifact_registry: ApiServer
) -> None:
    repositories.make("images")
    artifact_registry.fail(GET, 403, "PERMISSION_DENIED")
    assert registry().find(IMAGE, AMD64) is None
    assert registry().replaceable(IMAGE)


def test_a_denial_of_an_image_stays_one(registry: Make, repositories: Repositories, images: FakeRegistry) -> None:
    repositories.make("images")
    images.faults = [Fault(status=403, times=10**6, path="/v2/")]
    with pytest.raises(BoatyardError, match="refuses access") as caught:
        registry().find(IMAGE, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"


def test_a_quota_is_not_an_absence(registry: Make, repositories: Repositories, images: FakeRegistry) -> None:
    repositories.make("images")
    images.faults = [Fault(status=429, times=10**6, path="/v2/")]
    with pytest.raises(BoatyardError, match="429") as caught:
        registry().find(IMAGE, AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"


@pytest.mark.parametrize(("immutable", "there", "expected"), [
    (True, True, False), (True, False, True), (False, True, True), (False, False, True),
])  # fmt: skip
def test_a_tag_that_cannot_move_is_known_before_the_build(
    registry: Make, repositories: Repositories, images: FakeRegistry, immutable: bool, there: bool, expected: bool
) -> None:
    repositories.make("images", immutable=immutable)
    if there:
        images.add_image(f"{PROJECT}/images/acme/image", "tag")
    assert registry().replaceable(IMAGE) is expected


def test_a_push_into_a_missing_repository_makes_it(registry: Make, repositories: Repositories) -> None:
    with pytest.raises(BoatyardError, match="gcloud artifacts repositories create"):
        registry().replaceable(IMAGE)
    assert registry(allowed=True).replaceable(IMAGE) and repositories.found


def test_another_projects_repository_is_asked_with_the_same_token(
    registry: Make, repositories: Repositories, images: FakeRegistry
) -> None:
    repositories.make("shared", project="project-two")
    digest = images.add_image("project-two/shared/base", "1")
    found = registry().find(Reference.parse(f"{HOST}/project-two/shared/base:1"), AMD64)
    assert found and found.digest == digest


def test_a_token_that_ends_is_renewed(
    registry: Make, repositories: Repositories, images: FakeRegistry, metadata: MetadataServer
) -> None:
    repositories.make("images")
    images.add_image(f"{PROJECT}/images/acme/image", "tag")
    found = registry()
    assert found.find(IMAGE, AMD64)
    images.revoked = images.tokens
    assert found.find(IMAGE, AMD64) and images.tokens == 2


def test_a_function_without_an_identity_is_refused(
    registry: Make, repositories: Repositories, metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.make("images")
    monkeypatch.setenv("GCE_METADATA_HOST", "metadata.invalid")
    with pytest.raises(BoatyardError, match="there are no Google credentials") as caught:
        registry().find(IMAGE, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"


def test_no_other_registry_gets_googles_token(rest: GoogleRest, metadata: MetadataServer) -> None:
    keychain = GoogleKeychain(rest.identity)
    for host in ("ghcr.io", "docker.io", f"{HOST}.evil.example", f"{HOST}:444"):
        assert keychain.resolve(host) is None
    assert metadata.given == 0


def test_images_and_the_api_are_asked_over_the_same_connections(
    google: AtGoogle,
    repositories: Repositories,
    images: FakeRegistry,
    rest: GoogleRest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each transport loads the machine's CAs, which takes as long as a request."""
    repositories.make("images")
    images.add_image(f"{PROJECT}/images/acme/image", "tag")
    monkeypatch.setattr(rest, "transport", google)
    assert ArtifactRegistry(rest).find(IMAGE, AMD64)
