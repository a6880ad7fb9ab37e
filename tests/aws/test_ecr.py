"""ECR's answers are distinguished: found, not found, no permission, throttled and missing repository."""

import itertools
import re
from types import SimpleNamespace
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_aws.clients import Clients
from boatyard_aws.registry import EcrHost, EcrRegistry, parse_host
from boatyard_serverless.registries import NewRepositories
from tests.aws.cloud import Cloud
from tests.aws.images import HOST, Ecr

TAG = "0123456789abcdef" * 2
AMD, ARM = "linux/amd64", "linux/arm64"


@pytest.fixture
def registry(clients: Clients) -> EcrRegistry:
    return EcrRegistry(clients)


def reference(text: str) -> Reference:
    return Reference.parse(f"{HOST}/{text}")


def code(registry: EcrRegistry, asked: Reference, *platforms: str) -> BoatyardError:
    with pytest.raises(BoatyardError) as refused:
        registry.find(asked, platforms)
    return refused.value


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", EcrHost("123456789012", "eu-west-1", False)),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", EcrHost("123456789012", "us-gov-west-1", True)),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", EcrHost("123456789012", "cn-north-1", False)),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", EcrHost("123456789012", "eu-west-1", False)),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws", EcrHost("123456789012", "us-east-1", True)),
        ("public.ecr.aws", None),
        ("12345.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", None),
        ("ghcr.io", None),
    ],
)
def test_a_host_says_whose_registry_and_where(host: str, expected: EcrHost | None) -> None:
    assert parse_host(host) == expected


def test_an_image_is_found_with_its_key_and_looked_into_once(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    digest = ecr.push("images", f"trainer-{TAG}", AMD, key="b" * 64)
    for calls in (["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"], ["DescribeImages"]):
        cloud.calls.clear()
        image = registry.find(reference(f"images:trainer-{TAG}"), (AMD,))
        assert image and image.digest == digest and image.platforms == (AMD,) and image.key == "b" * 64
        assert image.reference == f"{HOST}/images@{digest}"
        assert [name for name, _ in cloud.calls] == calls


def test_a_tag_of_ours_does_not_make_an_image_ours(registry: EcrRegistry, ecr: Ecr) -> None:
    ecr.repository("images")
    ecr.push("images", f"trainer-{TAG}", AMD)
    image = registry.find(reference(f"images:trainer-{TAG}"), (AMD,))
    assert image and image.key is None


def test_an_index_has_a_key_if_all_of_its_images_have_it(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    ecr.push("images", TAG, AMD, ARM, key="b" * 64)
    for calls in (
        ["DescribeImages", "BatchGetImage", "BatchGetImage", *["GetDownloadUrlForLayer"] * 2],
        ["DescribeImages"],
    ):
        cloud.calls.clear()
        image = registry.find(reference(f"images:{TAG}"), (AMD, ARM))
        assert image and image.key == "b" * 64
        assert [name for name, _ in cloud.calls] == calls
    ecr.push("images", "mixed", AMD, ARM, key="b" * 64, keys={ARM: "c" * 64})
    for wanted in ((AMD, ARM), (AMD,)):
        mixed = registry.find(reference("images:mixed"), wanted)
        assert mixed and mixed.key is None, "a node of the other platform would run the other image"


def test_an_index_of_very_many_images_is_not_read(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    ecr.push("images", TAG, AMD, *[f"linux/p{number}" for number in range(40)], key="b" * 64)
    cloud.calls.clear()
    image = registry.find(reference(f"images:{TAG}"), (AMD,))
    assert image and image.key is None
    assert [name for name, _ in cloud.calls] == ["DescribeImages", "BatchGetImage"]


def test_a_configuration_that_is_not_the_manifests_is_refused(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    ecr.push("images", TAG, AMD)
    cloud.blobs = dict.fromkeys(cloud.blobs, b'{"os": "linux", "architecture": "amd64"}')
    assert code(registry, reference(f"images:{TAG}"), AMD).code == "REGISTRY_UNAVAILABLE"


def test_the_account_of_the_reference_is_asked_and_not_ones_own(registry: EcrRegistry, cloud: Cloud) -> None:
    other = Reference.parse(f"999999999999.dkr.ecr.us-west-2.amazonaws.com/team/images:{TAG}")
    registry.find(other, ())
    (asked,) = cloud.asked("DescribeImages")
    assert asked["registryId"] == "999999999999" and asked["repositoryName"] == "team/images"


def test_each_region_has_its_own_client(clients: Clients) -> None:
    assert clients.ecr("us-west-2").meta.region_name == "us-west-2"
    assert clients.ecr("us-west-2") is clients.ecr("us-west-2")
    assert clients.ecr("us-west-2") is not clients.ecr("us-east-1")


def test_an_image_that_is_not_there_is_none(registry: EcrRegistry, ecr: Ecr) -> None:
    ecr.repository("images")
    assert registry.find(reference(f"images:{TAG}"), (AMD,)) is None
    assert registry.find(reference(f"images@sha256:{'0' * 64}"), ()) is None


def test_the_platforms_of_an_index_are_checked(registry: EcrRegistry, ecr: Ecr) -> None:
    ecr.repository("images")
    ecr.push("images", TAG, AMD, ARM)
    both = registry.find(reference(f"images:{TAG}"), (AMD, ARM))
    assert both and both.platforms == (AMD, ARM) and len(both.attestations) == 1
    ecr.push("images", "f" * 32, AMD, index=True)
    assert registry.find(reference(f"images:{'f' * 32}"), (AMD, ARM)) is None
    assert registry.find(reference(f"images:{'f' * 32}"), (AMD,))


def test_the_platform_of_a_single_image_under_another_tag_is_looked_up(registry: EcrRegistry, ecr: Ecr) -> None:
    ecr.repository("images")
    ecr.push("images", "latest", ARM)
    assert registry.find(reference("images:latest"), (AMD,)) is None
    assert registry.find(reference("images:latest"), (ARM,))
    assert registry.find(reference("images:latest"), (AMD, ARM)) is None


def test_whoever_asks_about_the_image_learns_its_key(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    ecr.push("images", "latest", AMD, key="b" * 64)
    image = registry.find(reference("images:latest"), ())
    assert image and image.key == "b" * 64 and image.platforms == (AMD,)


def test_without_the_right_to_look_inside_it_is_still_there(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    digest = ecr.push("images", "latest", AMD)
    cloud.fail("BatchGetImage", "AccessDeniedException")
    image = registry.find(reference("images:latest"), ())
    assert image and image.digest == digest and image.platforms == ()
    refused = code(registry, reference("images:latest"), AMD)
    assert refused.code == "REGISTRY_DENIED" and "ecr:BatchGetImage" in refused.detail


def test_without_the_right_to_read_labels_an_index_still_tells_its_platforms(
    registry: EcrRegistry, ecr: Ecr, cloud: Cloud
) -> None:
    ecr.repository("images")
    ecr.push("images", "latest", AMD, ARM)
    cloud.fail("GetDownloadUrlForLayer", "AccessDeniedException")
    image = registry.find(reference("images:latest"), ())
    assert image and image.platforms == (AMD, ARM)
    refused = code(registry, reference("images:latest"), AMD)
    assert refused.code == "REGISTRY_DENIED" and "ecr:GetDownloadUrlForLayer" in refused.detail


def test_no_permission_is_neither_found_nor_not_found(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    cloud.fail("DescribeImages", "AccessDeniedException")
    refused = code(registry, reference(f"images:{TAG}"), AMD)
    assert refused.code == "REGISTRY_DENIED" and not refused.meaning.retryable
    assert "ecr:DescribeImages" in refused.detail and "repository/images" in refused.detail


def test_throttling_is_waited_out(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    ecr.push("images", TAG, AMD)
    cloud.fail("DescribeImages", "ThrottlingException", times=1)
    assert registry.find(reference(f"images:{TAG}"), (AMD,))
    assert len(cloud.asked("DescribeImages")) == 2


def test_throttling_that_does_not_end_is_told_as_such(registry: EcrRegistry, ecr: Ecr, cloud: Cloud) -> None:
    ecr.repository("images")
    cloud.fail("DescribeImages", "ThrottlingException")
    refused = code(registry, reference(f"images:{TAG}"), AMD)
    assert refused.code == "REGISTRY_UNAVAILABLE" and refused.meaning.retryable and "throttle" in refused.detail
    assert len(cloud.asked("DescribeImages")) == 2, "as often as the clients allow, and not more"


@pytest.mark.parametrize(("failure", "status"), [("ServerException", 500), ("ExpiredTokenException", 400)])
def test_a_broken_service_and_expired_credentials_may_pass(
    registry: EcrRegistry, ecr: Ecr, cloud: Cloud, failure: str, status: int
) -> None:
    ecr.repository("images")
    cloud.fail("DescribeImages", failure, status=status)
    refused = code(registry, reference(f"images:{TAG}"), AMD)
    assert refused.code == "REGISTRY_UNAVAILABLE" and refused.meaning.retryable


def test_a_registry_that_does_not_answer(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    refused = code(EcrRegistry(Clients(attempts=1)), reference(f"images:{TAG}"), AMD)
    assert refused.code == "REGISTRY_UNAVAILABLE" and "does not answer" in refused.detail


def test_a_look_up_ends_in_its_time_however_many_calls_it_has(
    clients: Clients, ecr: Ecr, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr.repository("images")
    ecr.push("images", "multi", AMD, ARM)
    registry = EcrRegistry(clients, timeout_seconds=10)
    assert registry.find(reference("images:multi"), ())
    cloud.calls.clear()
    # Each look at the clock is four seconds later: the time is over before the second call.
    ticks = itertools.count(0.0, 4.0)
    monkeypatch.setattr("boatyard_aws.registry.patience.time", SimpleNamespace(monotonic=lambda: next(ticks)))
    slow = EcrRegistry(clients, timeout_seconds=10)
    refused = code(slow, reference("images:multi"))
    assert refused.code == "REGISTRY_UNAVAILABLE" and "LookUpTimeout" in refused.detail
    assert len(cloud.calls) <= 2


def test_no_credentials_at_all(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    refused = code(EcrRegistry(Clients(attempts=1)), reference(f"images:{TAG}"), AMD)
    assert refused.code == "REGISTRY_DENIED" and "credentials" in refused.detail


def test_a_missing_repository_is_its_own_answer(registry: EcrRegistry, ecr: Ecr) -> None:
    refused = code(registry, reference(f"missing:{TAG}"), AMD)
    assert refused.code == "REPOSITORY_NOT_FOUND"
    assert registry.find(reference(f"missing:{TAG}"), ()) is None, (
        "a caller that only looks gets the answer that there is no image"
    )


def test_a_missing_repository_is_made_when_that_is_allowed(clients: Clients, ecr: Ecr, cloud: Cloud) -> None:
    registry = EcrRegistry(clients, NewRepositories(allowed=True))
    assert registry.find(reference(f"team/new:{TAG}"), (AMD,)) is None
    (made,) = clients.ecr().describe_repositories(repositoryNames=["team/new"])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE" and made["imageScanningConfiguration"]["scanOnPush"]
    (asked,) = cloud.asked("CreateRepository")
    assert re.fullmatch(r"\d{12}", asked["registryId"])


def test_somebody_else_makes_it_at_the_same_time(clients: Clients, ecr: Ecr, cloud: Cloud) -> None:
    cloud.fail("CreateRepository", "RepositoryAlreadyExistsException")
    assert EcrRegistry(clients, NewRepositories(allowed=True)).find(reference(f"new:{TAG}"), (AMD,)) is None


def test_it_may_not_be_made(clients: Clients, ecr: Ecr, cloud: Cloud) -> None:
    cloud.fail("CreateRepository", "AccessDeniedException")
    refused = code(EcrRegistry(clients, NewRepositories(allowed=True)), reference(f"new:{TAG}"), AMD)
    assert refused.code == "REGISTRY_DENIED" and "ecr:CreateRepository" in refused.detail


class TestReplaceable:
    """The check before a forced build starts."""

    NAME = f"images:app-{TAG}"

    def there(self, clients: Clients, ecr: Ecr, mutability: str, *filters: str) -> None:
        excluded: Any = [{"filterType": "WILDCARD", "filter": each} for each in filters]
        more = {"imageTagMutabilityExclusionFilters": excluded} if filters else {}
        clients.ecr().create_repository(repositoryName="images", imageTagMutability=mutability, **more)  # type: ignore[arg-type]
        ecr.push("images", f"app-{TAG}", AMD)

    @pytest.mark.parametrize(
        ("mutability", "filters", "expected"),
        [
            ("MUTABLE", (), True),
            ("IMMUTABLE", (), False),
            ("IMMUTABLE_WITH_EXCLUSION", ("app-*",), True),
            ("IMMUTABLE_WITH_EXCLUSION", ("dev-*", "app"), False),
            ("IMMUTABLE_WITH_EXCLUSION", ("dev-*", "app-*f"), True),
            ("MUTABLE_WITH_EXCLUSION", ("app-*",), False),
            ("MUTABLE_WITH_EXCLUSION", ("dev-*",), True),
        ],
    )
    def test_the_repository_says_whether_a_tag_may_move(
        self,
        registry: EcrRegistry,
        clients: Clients,
        ecr: Ecr,
        mutability: str,
        filters: tuple[str, ...],
        expected: bool,
    ) -> None:
        self.there(clients, ecr, mutability, *filters)
        assert registry.replaceable(reference(self.NAME)) is expected

    def test_a_tag_that_is_not_there_is_asked_no_further(
        self, registry: EcrRegistry, clients: Clients, ecr: Ecr, cloud: Cloud
    ) -> None:
        self.there(clients, ecr, "IMMUTABLE")
        assert registry.replaceable(reference(f"images:app-{'e' * 32}"))
        assert not cloud.asked("DescribeRepositories")

    def test_who_may_not_ask_learns_from_the_push(
        self, registry: EcrRegistry, clients: Clients, ecr: Ecr, cloud: Cloud
    ) -> None:
        self.there(clients, ecr, "IMMUTABLE")
        cloud.fail("DescribeRepositories", "AccessDeniedException")
        assert registry.replaceable(reference(self.NAME))

    def test_what_cannot_be_known_is_raised(
        self, registry: EcrRegistry, clients: Clients, ecr: Ecr, cloud: Cloud
    ) -> None:
        self.there(clients, ecr, "IMMUTABLE")
        cloud.fail("DescribeRepositories", "ThrottlingException")
        with pytest.raises(BoatyardError) as raised:
            registry.replaceable(reference(self.NAME))
        assert raised.value.code == "REGISTRY_UNAVAILABLE"

    def test_a_missing_repository_is_made_or_its_own_answer(
        self, registry: EcrRegistry, clients: Clients, ecr: Ecr
    ) -> None:
        with pytest.raises(BoatyardError) as raised:
            registry.replaceable(reference(f"missing:{TAG}"))
        assert raised.value.code == "REPOSITORY_NOT_FOUND"
        assert EcrRegistry(clients, NewRepositories(allowed=True)).replaceable(reference(f"new:{TAG}"))
        assert clients.ecr().describe_repositories(repositoryNames=["new"])["repositories"]
