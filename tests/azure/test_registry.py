"""Azure Container Registry beyond the contract: names, tokens, locks, and what each refusal means."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_azure.registry import AcrRegistry, is_azure_registry
from boatyard_azure.registry.exchange import RefreshTokens
from boatyard_azure.registry.host import registry_name
from boatyard_azure.registry.keychain import AcrKeychain
from boatyard_azure.rest import AzureRest
from boatyard_registry import OciRegistry
from boatyard_registry.retries import Retries
from tests.azure.acr import HOST, RESOURCE, AcrTransport
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.resource_manager import REGISTRY, ResourceManager, known_fields, refusal
from tests.azure.tls import Given
from tests.registry.server import Fault

IMAGE = Reference.parse(f"{HOST}/acme/image:tag")
AMD64 = ("linux/amd64",)
_VERSION = "2025-11-01"
_REGISTRIES = r"/subscriptions/[^/]+/(?:resourceGroups/[^/]+/)?providers/Microsoft\.ContainerRegistry/registries"


def lookup(rest: AzureRest, acr: AcrTransport, *, attempts: int = 2) -> OciRegistry:
    tokens = RefreshTokens(rest.identity, RESOURCE, acr, sleep=lambda _: None)
    retries = Retries(attempts=attempts, first_pause_seconds=0.001)
    return OciRegistry(keychain=AcrKeychain(tokens, "azurecr.io"), transport=acr, retries=retries)


@pytest.fixture
def registry(rest: AzureRest, acr: AcrTransport) -> AcrRegistry:
    return AcrRegistry(rest, images=lookup(rest, acr))


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("contoso.azurecr.io", "contoso"),
        ("contoso-abc123d4e5f6g7h8.azurecr.io", "contoso"),
        ("contoso.westeurope.geo.azurecr.io", "contoso"),
        ("contoso-abc123.westeurope.geo.azurecr.io", "contoso"),
        ("contoso.azurecr.us", "contoso"),
        ("contoso.azurecr.cn", "contoso"),
        ("four.azurecr.io", ""),
        ("contoso.azurecr.io:443", ""),
        ("contoso.azurecr.io.evil.example", ""),
        ("contoso.westeurope.data.azurecr.io", ""),
        ("evil.example/contoso.azurecr.io", ""),
        ("azurecr.io", ""),
        ("contoso.azurecr.de", ""),
        ("con_toso.azurecr.io", ""),
        ("contoso.azurecr.io\n", ""),
        ("ghcr.io", ""),
        ("", ""),
    ],
)
def test_a_host_names_its_registry(host: str, name: str) -> None:
    assert registry_name(host) == name
    assert any(is_azure_registry(host, suffix) for suffix in ("azurecr.io", "azurecr.us", "azurecr.cn")) is bool(name)


def test_a_token_goes_to_registries_of_its_own_cloud_alone(rest: AzureRest, acr: AcrTransport) -> None:
    keychain = AcrKeychain(RefreshTokens(rest.identity, RESOURCE, acr), "azurecr.io")
    for host in ("ghcr.io", "docker.io", "contoso.azurecr.cn", f"{HOST}:444", f"{HOST}.evil.example"):
        assert keychain.resolve(host) is None
    assert acr.exchanges == 0


def test_tokens_are_kept_for_each_registry_and_repository(registry: AcrRegistry, acr: AcrTransport) -> None:
    acr.fake.add_image("acme/image", "tag")
    for _ in range(3):
        assert registry.find(IMAGE, AMD64)
    assert registry.find(Reference.parse(f"{HOST}/acme/other:tag"), AMD64) is None
    assert acr.exchanges == 1 and acr.asked.count("POST /oauth2/token") == 2


def test_an_access_token_is_kept_until_the_end_that_it_states(
    registry: AcrRegistry, acr: AcrTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    acr.fake.add_image("acme/image", "tag")
    assert registry.find(IMAGE, AMD64)
    now = time.monotonic()
    monkeypatch.setattr("boatyard_registry.kept.time.monotonic", lambda: now + 600)
    before = len(acr.asked)
    assert registry.find(IMAGE, AMD64)
    assert acr.asked[before:] == ["GET /v2/acme/image/manifests/tag"]
    monkeypatch.setattr("boatyard_registry.kept.time.monotonic", lambda: now + 4000)
    assert registry.find(IMAGE, AMD64) and acr.asked.count("POST /oauth2/token") == 2


@pytest.mark.parametrize("lasts", [200.0, -5.0])
def test_a_refresh_token_that_ends_soon_is_not_kept(rest: AzureRest, acr: AcrTransport, lasts: float) -> None:
    acr.lasts = lasts
    tokens = RefreshTokens(rest.identity, RESOURCE, acr)
    assert tokens.of(HOST) != tokens.of(HOST) and acr.exchanges == 2


@pytest.mark.parametrize(("locked", "there", "expected"), [
    (True, True, False), (False, True, True), (False, False, True),
])  # fmt: skip
def test_a_locked_tag_is_known_before_the_build(
    registry: AcrRegistry, acr: AcrTransport, locked: bool, there: bool, expected: bool
) -> None:
    if there:
        acr.fake.add_image("acme/image", "tag")
    if locked:
        acr.locked.add(("acme/image", "tag"))
    assert registry.replaceable(IMAGE) is expected


def test_who_may_not_read_a_tags_attributes_builds_all_the_same(registry: AcrRegistry, acr: AcrTransport) -> None:
    acr.fake.add_image("acme/image", "tag")
    acr.locked.add(("acme/image", "tag"))
    acr.no_metadata = True
    assert registry.replaceable(IMAGE)


def test_a_registry_that_throttles_is_not_an_absence(registry: AcrRegistry, acr: AcrTransport) -> None:
    acr.fake.faults = [Fault(status=429, times=10**6)]
    error = refused(lambda: registry.find(IMAGE, AMD64))
    assert error.code == "REGISTRY_UNAVAILABLE" and "429" in error.detail


def test_a_function_without_an_identity_is_refused(
    registry: AcrRegistry, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    entra.failures = [Given(400, {"error": "identity_not_found"})] * 9
    error = refused(lambda: registry.find(IMAGE, AMD64))
    assert error.code == "REGISTRY_DENIED" and "managed identity" in error.detail


def test_an_exchange_that_fails_for_now_is_tried_again(rest: AzureRest, acr: AcrTransport) -> None:
    acr.denied = 503
    tokens = RefreshTokens(rest.identity, RESOURCE, acr, sleep=lambda _: None)
    assert refused(lambda: tokens.of(HOST)).code == "REGISTRY_UNAVAILABLE" and acr.exchanges == 3


class Management:
    """Registries of the subscription as Azure's management API describes them."""

    def __init__(self, arm: ResourceManager) -> None:
        self.found: dict[str, dict[str, object]] = {}
        arm.on("GET", _REGISTRIES + r"/(?P<name>\w+)", _VERSION, lambda _, found: self._get(found["name"]))
        arm.on("GET", _REGISTRIES, _VERSION, lambda *_: Given(200, {"value": list(map(self._shown, self.found))}))

    def add(self, name: str = "boatyardtest", **properties: object) -> None:
        from azure.mgmt.containerregistry.models import RegistryProperties

        assert set(properties) <= known_fields(RegistryProperties)
        self.found[name] = properties

    def _get(self, name: str) -> Given:
        return Given(200, self._shown(name)) if name in self.found else refusal(404, "ResourceNotFound")

    def _shown(self, name: str) -> dict[str, object]:
        made = f"{REGISTRY.rpartition('/')[0]}/{name}"
        return {"id": made, "name": name, "location": "x", "sku": {"name": "Premium"}, "properties": self.found[name]}


class TestExplained:
    @pytest.fixture
    def management(self, arm: ResourceManager) -> Management:
        return Management(arm)

    @pytest.fixture
    def registry(self, management: Management, rest: AzureRest, acr: AcrTransport) -> AcrRegistry:
        return AcrRegistry(rest, f"{REGISTRY}/tasks/builder", images=lookup(rest, acr, attempts=1))

    @pytest.mark.parametrize("denied", [401, 403])
    @pytest.mark.parametrize(
        ("mode", "role"),
        [
            ("LegacyRegistryPermissions", "AcrPull"),
            ("AbacRepositoryPermissions", "Container Registry Repository Reader"),
        ],
    )
    def test_a_refusal_names_the_role_that_counts_in_this_registry(
        self, registry: AcrRegistry, management: Management, acr: AcrTransport, denied: int, mode: str, role: str
    ) -> None:
        management.add(roleAssignmentMode=mode, publicNetworkAccess="Enabled")
        acr.denied = denied
        error = refused(lambda: registry.find(IMAGE, AMD64))
        command = f'az role assignment create --assignee {CLIENT_ID} --role "{role}" --scope {REGISTRY}'
        assert error.code == "REGISTRY_DENIED" and command in error.detail and "<script>" not in error.detail

    @pytest.mark.parametrize(
        "rules", [{"publicNetworkAccess": "Disabled"}, {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}}]
    )
    def test_a_registry_behind_a_firewall_is_said_to_be(
        self, registry: AcrRegistry, management: Management, acr: AcrTransport, rules: dict[str, object]
    ) -> None:
        management.add(**rules)
        acr.fake.faults = [Fault(status=403, times=9)]
        assert "network rules" in refused(lambda: registry.find(IMAGE, AMD64)).detail

    @pytest.mark.parametrize(
        ("known", "code", "said"),
        [(True, "REGISTRY_UNAVAILABLE", "private DNS zone"), (False, "REPOSITORY_NOT_FOUND", "az acr create")],
    )
    def test_a_registry_without_an_address_is_missing_or_hidden(
        self, registry: AcrRegistry, management: Management, acr: AcrTransport, known: bool, code: str, said: str
    ) -> None:
        acr.has_address = False
        if known:
            management.add()
        error = refused(lambda: registry.find(IMAGE, AMD64))
        assert error.code == code and said in error.detail

    def test_another_registry_of_the_subscription_is_found_by_its_name(
        self, management: Management, rest: AzureRest, acr: AcrTransport
    ) -> None:
        management.add(roleAssignmentMode="AbacRepositoryPermissions")
        registry = AcrRegistry(rest, f"{REGISTRY}other", images=lookup(rest, acr, attempts=1))
        acr.denied = 401
        assert "Repository Reader" in refused(lambda: registry.find(IMAGE, AMD64)).detail

    def test_who_may_not_ask_gets_both_roles(
        self, registry: AcrRegistry, arm: ResourceManager, acr: AcrTransport
    ) -> None:
        arm.fail("/registries/", refusal(403, "AuthorizationFailed"), times=9)
        acr.denied = 401
        detail = refused(lambda: registry.find(IMAGE, AMD64)).detail
        assert "AcrPull" in detail and "Repository Reader" in detail and "az acr show --name boatyardtest" in detail

    def test_it_is_asked_only_where_something_is_explained(
        self, registry: AcrRegistry, arm: ResourceManager, acr: AcrTransport
    ) -> None:
        acr.fake.add_image("acme/image", "tag")
        assert registry.find(IMAGE, AMD64) and not registry.find(Reference.parse(f"{HOST}/acme/other:1"), AMD64)
        assert not arm.asked
        code = "import sys, boatyard_azure.registry, boatyard_azure.management; print('azure' in sys.modules)"
        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
