"""Key Vault beyond the contract: its names, deleted secrets, old values, and the deployment's key."""

import threading
from base64 import b64encode
from pathlib import Path

import pytest
from azure.keyvault.secrets import SecretClient
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from boatyard_azure.deployment_key import CHOSEN, KeyVaultKey, parse_key_url
from boatyard_azure.rest import AzureRest
from boatyard_azure.secrets import VaultSecrets, vault_name
from boatyard_serverless.deployment_key import SecretDeploymentKey
from boatyard_serverless.memory import MemoryBucket
from boatyard_serverless.secrets import ServiceSecretStore, read_secret
from tests.azure.entra import Entra
from tests.azure.storage import Operator
from tests.azure.tls import Given
from tests.azure.vault import Vault

SCOPE = Scope("shop", "production")
ONE, TWO = (SecretValue(kind="build", value=value) for value in (b"one", b"two\xff\n"))
NAME = "boatyard-sshop-sproduction-stoken"


@pytest.fixture
def service(rest: AzureRest, vault: Vault) -> VaultSecrets:
    return VaultSecrets(rest, vault.url, sleep=lambda _: None)


@pytest.fixture
def store(service: VaultSecrets) -> ServiceSecretStore:
    return ServiceSecretStore(service, "boatyard")


@pytest.fixture
def official(vault: Vault, entra: Entra, ca_file: Path) -> SecretClient:
    return SecretClient(
        vault.url, Operator(entra), connection_verify=str(ca_file), verify_challenge_resource=False, retry_total=0
    )


def test_the_job_reads_what_the_function_wrote(store: ServiceSecretStore, service: VaultSecrets, vault: Vault) -> None:
    store.put(SCOPE, "token", TWO)
    assert read_secret(service, "boatyard", SCOPE, "token") == b"two\xff\n"
    assert vault.names() == [NAME]
    with pytest.raises(BoatyardError) as caught:
        read_secret(service, "boatyard", Scope("shop", "development"), "token")
    assert caught.value.code == "SECRET_NOT_FOUND"


def test_azures_own_client_reads_and_writes_the_same(
    store: ServiceSecretStore, service: VaultSecrets, official: SecretClient
) -> None:
    store.put(SCOPE, "token", ONE)
    theirs = official.get_secret(NAME)
    assert theirs.value == b64encode(b"one").decode() and theirs.properties.content_type == "application/base64"
    tags = theirs.properties.tags
    assert tags and tags["boatyard-id"] == "boatyard/shop/production/token" and tags["boatyard-kind"] == "build"
    official.set_secret(NAME, b64encode(b"rotated").decode(), tags=tags)
    assert read_secret(service, "boatyard", SCOPE, "token") == b"rotated"
    assert [each.name for each in official.list_properties_of_secrets()] == [NAME]


def test_a_request_with_a_field_that_key_vault_does_not_know_is_refused_here(rest: AzureRest, vault: Vault) -> None:
    service = VaultSecrets(rest, vault.url)
    with pytest.raises(BoatyardError, match="400 BadParameter"):
        service._vault._rest.send(
            service._vault._call("PUT", "secrets/a", "setSecret/action", "a", json={"value": "x", "labels": {}})
        )


def test_an_old_value_is_read_by_nobody(store: ServiceSecretStore, vault: Vault) -> None:
    store.put(SCOPE, "token", ONE)
    store.put(SCOPE, "token", TWO)
    assert vault.values(NAME) == [b64encode(b"two\xff\n").decode()]


@pytest.mark.parametrize("slow", [0, 2])
def test_a_deleted_name_can_be_used_again(
    store: ServiceSecretStore, service: VaultSecrets, vault: Vault, slow: int
) -> None:
    """Key Vault keeps the name for the vault's retention, and takes some seconds to delete and to recover."""
    store.put(SCOPE, "token", ONE)
    vault.slow = slow
    assert store.delete(SCOPE, "token") and store.missing(SCOPE, ["token"]) == ("token",)
    store.put(SCOPE, "token", TWO)
    assert read_secret(service, "boatyard", SCOPE, "token") == b"two\xff\n"
    assert vault.values(NAME) == [b64encode(b"two\xff\n").decode()], "what was deleted does not come back"


def test_a_name_that_stays_taken_is_an_error_and_not_waited_for_without_end(
    store: ServiceSecretStore, vault: Vault
) -> None:
    vault.moving[NAME] = 10**6
    with pytest.raises(BoatyardError, match="Key Vault did not accept token; try again") as caught:
        store.put(SCOPE, "token", ONE)
    assert caught.value.code == "DATAPLANE_UNAVAILABLE" and vault.count("PUT") < 40


def test_a_deletion_of_what_is_being_deleted_finds_nothing(store: ServiceSecretStore, vault: Vault) -> None:
    assert not store.delete(SCOPE, "token")
    vault.moving[NAME] = 1
    assert not store.delete(SCOPE, "token")


def test_a_disabled_value_ends_the_job_and_is_missing(
    store: ServiceSecretStore, service: VaultSecrets, vault: Vault
) -> None:
    store.put(SCOPE, "token", ONE)
    vault.disable(NAME)
    assert store.missing(SCOPE, ["token"]) == ("token",)
    with pytest.raises(BoatyardError) as caught:
        read_secret(service, "boatyard", SCOPE, "token")
    assert caught.value.code == "SECRET_NOT_FOUND"


def test_a_value_is_as_large_as_key_vault_takes(store: ServiceSecretStore, service: VaultSecrets) -> None:
    store.put(SCOPE, "token", SecretValue(kind="build", value=b"x" * 18_750))
    assert read_secret(service, "boatyard", SCOPE, "token") == b"x" * 18_750
    with pytest.raises(BoatyardError, match="18,751 bytes; Key Vault takes 18,750") as caught:
        store.put(SCOPE, "token", SecretValue(kind="build", value=b"x" * 18_751))
    assert caught.value.code == "INVALID_SPEC"


def test_secrets_of_many_projects_are_listed_page_by_page(store: ServiceSecretStore, service: VaultSecrets) -> None:
    ids = [f"boatyard/shop/production/name_{number:02}" for number in range(30)]
    for each in ids:
        service._vault.set(vault_name(each), "eA==", {"boatyard-id": each, "boatyard-kind": "build"})
    store.put(Scope("shop", "production-2"), "other", ONE)
    assert [each.name for each in store.list(SCOPE)] == [f"name_{number:02}" for number in range(30)]


def test_a_tag_makes_nobodys_secret_a_projects_own(
    store: ServiceSecretStore, service: VaultSecrets, official: SecretClient
) -> None:
    official.set_secret("elsewhere", "eA==", tags={"boatyard-id": "boatyard/shop/production/token"})
    official.set_secret(NAME, "eA==", tags={"boatyard-id": "boatyard/other/production/token"})
    assert store.list(SCOPE) == () and store.missing(SCOPE, ["token"]) == ("token",)
    assert service.read("boatyard/shop/production/token") is None


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
SECRET = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", fullmatch=True)
ID = st.builds("boatyard/{}/{}/{}".format, LABEL, LABEL, SECRET)


@settings(max_examples=40)
@given(ID, ID)
def test_no_two_ids_have_one_name(one: str, other: str) -> None:
    names = vault_name(one), vault_name(other)
    assert (names[0].lower() == names[1].lower()) is (one == other)
    assert all(0 < len(name) <= 127 and name.replace("-", "a").isalnum() and name.isascii() for name in names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("boatyard/a/b/Token", "boatyard/a/b/token"),
        ("boatyard/a/b/a.b", "boatyard/a/b/a_b"),
        ("boatyard/a/b-sc/d", "boatyard/a/b/sc/d"),
        ("boatyard/a/b/-", "boatyard/a/b/--"),
        ("boatyard/a/b/" + "x" * 128, "boatyard/a/b/" + "x" * 127 + "y"),
    ],
)
def test_names_that_look_alike_are_different_in_key_vault(one: str, other: str) -> None:
    assert vault_name(one).lower() != vault_name(other).lower()


@pytest.mark.parametrize(
    ("status", "inner", "code", "says"),
    [
        (403, "ForbiddenByRbac", "DATAPLANE_DENIED", '--role "Key Vault Secrets Officer" --scope $(az keyvault show'),
        (403, "ForbiddenByFirewall", "DATAPLANE_DENIED", "firewall"),
        (503, "", "DATAPLANE_UNAVAILABLE", "503"),
        (429, "", "DATAPLANE_UNAVAILABLE", "throttles"),
    ],
)
def test_what_key_vault_refuses_says_who_acts(
    store: ServiceSecretStore, vault: Vault, status: int, inner: str, code: str, says: str
) -> None:
    error = {"code": "Forbidden", "message": "<script>", **({"innererror": {"code": inner}} if inner else {})}
    vault.failures = [Given(status, {"error": error})] * 4
    with pytest.raises(BoatyardError, match="secrets/setSecret/action on key vault 127, secret") as caught:
        store.put(SCOPE, "token", ONE)
    assert caught.value.code == code and says in caught.value.detail and "<script>" not in caught.value.detail


def test_who_may_not_read_needs_no_more_than_a_reader(service: VaultSecrets, vault: Vault) -> None:
    error = {"code": "Forbidden", "message": "", "innererror": {"code": "ForbiddenByRbac"}}
    vault.failures = [Given(403, {"error": error})]
    with pytest.raises(BoatyardError, match=r'getSecret/action .*--role "Key Vault Secrets User"') as caught:
        service.read("boatyard/shop/production/token")
    assert caught.value.code == "DATAPLANE_DENIED"


# The deployment's key


def key_of(rest: AzureRest, vault: Vault, bucket: MemoryBucket) -> SecretDeploymentKey:
    return SecretDeploymentKey(KeyVaultKey(rest, f"{vault.url}/secrets/key", bucket))


def test_the_deployments_key_is_one_though_two_wrote_one(rest: AzureRest, vault: Vault) -> None:
    """Both had looked before either wrote: two versions, of which the bucket's object names one."""
    bucket = MemoryBucket()
    keys = [KeyVaultKey(rest, f"{vault.url}/secrets/key", bucket) for _ in range(2)]
    looked = threading.Barrier(2)
    for key in keys:
        found = key._vault.get

        def get(name: str, version: str = "", *, found: "object" = found) -> "object":
            seen = found(name, version)  # type: ignore[operator]
            if not version:
                looked.wait(10)
            return seen

        key._vault.get = get  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=key.write_first, args=[bytes([number]) * 32]) for number, key in enumerate(keys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(vault.values("key")) == 2
    assert keys[0].read() == keys[1].read() and keys[0].read()


def test_a_function_that_was_killed_before_it_chose_costs_no_key(rest: AzureRest, vault: Vault) -> None:
    bucket = MemoryBucket()
    bucket.failure = BoatyardError("DATAPLANE_UNAVAILABLE", "killed here")
    with pytest.raises(BoatyardError):
        KeyVaultKey(rest, f"{vault.url}/secrets/key", bucket).write_first(b"1" * 32)
    bucket.failure = None
    assert key_of(rest, vault, bucket).read() == key_of(rest, vault, bucket).read()
    assert len(vault.values("key")) <= 1


@pytest.mark.parametrize("harm", ["disabled", "deleted", "chosen", "value"])
def test_a_deployments_key_that_is_damaged_is_not_replaced(
    rest: AzureRest, vault: Vault, official: SecretClient, harm: str
) -> None:
    bucket = MemoryBucket()
    key_of(rest, vault, bucket).read()
    match harm:
        case "disabled":
            vault.disable("key")
        case "deleted":
            official.begin_delete_secret("key")
        case "chosen":
            bucket.put(CHOSEN, b"../../other")
        case "value":
            bucket.put(CHOSEN, official.set_secret("key", "%%").properties.version.encode())
    writes = vault.count("PUT")
    with pytest.raises(BoatyardError, match="does not hold 32 bytes") as caught:
        key_of(rest, vault, bucket).read()
    assert caught.value.code == "DATAPLANE_UNAVAILABLE" and vault.count("PUT") == writes


def test_a_deleted_key_whose_choice_is_gone_too_is_not_replaced(
    rest: AzureRest, vault: Vault, official: SecretClient
) -> None:
    key_of(rest, vault, MemoryBucket()).read()
    official.begin_delete_secret("key")
    with pytest.raises(BoatyardError, match="deleted or disabled: recover it"):
        key_of(rest, vault, MemoryBucket()).read()


@pytest.mark.parametrize(
    "url", ["key", "https://v.vault.azure.net/keys/k", "https://v/secrets/k/1", "https:///secrets/k"]
)
def test_what_is_no_address_of_a_secret_is_refused(url: str) -> None:
    with pytest.raises(BoatyardError, match="is not the address of a secret"):
        parse_key_url(url)
