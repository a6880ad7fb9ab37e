"""Secret Manager beyond the contract: old values, races, names, and reads by the job."""

import pytest

from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from boatyard_gcp.deployment_key import SecretManagerKey
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secrets import ProjectSecrets
from boatyard_serverless.deployment_key import SecretDeploymentKey
from boatyard_serverless.secrets import ServiceSecretStore, read_secret, secret_id
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import PROJECT
from tests.gcp.secrets import Secrets

SCOPE = Scope("shop", "production")
ADD = "secretmanager.projects.secrets.addVersion"


@pytest.fixture
def store(rest: GoogleRest, secrets: Secrets) -> ServiceSecretStore:
    return ServiceSecretStore(ProjectSecrets(rest, PROJECT), "boatyard")


def value(text: bytes) -> SecretValue:
    return SecretValue(kind="build", value=text)


def test_an_old_value_is_destroyed(store: ServiceSecretStore, secrets: Secrets) -> None:
    for text in (b"1", b"2", b"3"):
        store.put(SCOPE, "TOKEN", value(text))
    assert secrets.values("boatyard_shop_production_TOKEN") == [b"3"]


def test_a_value_that_was_added_twice_after_a_lost_answer_is_the_last(
    store: ServiceSecretStore, secrets: Secrets, secret_manager: ApiServer
) -> None:
    secret_manager.fail(ADD, 503, "UNAVAILABLE", times=1, done=True)
    store.put(SCOPE, "TOKEN", value(b"1"))
    assert secrets.values("boatyard_shop_production_TOKEN") == [b"1"]
    assert len(secrets.versions["boatyard_shop_production_TOKEN"]) == 2


def test_a_key_of_ones_own_encrypts_new_secrets_in_its_region(rest: GoogleRest, secrets: Secrets) -> None:
    key = f"projects/{PROJECT}/locations/europe-west1/keyRings/ring/cryptoKeys/key"
    for kms_key, name in (("", "A"), (key, "B")):
        chosen = ServiceSecretStore(ProjectSecrets(rest, PROJECT, kms_key=kms_key), "boatyard")
        chosen.put(SCOPE, name, value(b"1"))
    replica = {"location": "europe-west1", "customerManagedEncryption": {"kmsKeyName": key}}
    assert secrets.replications == {
        "boatyard_shop_production_A": {"automatic": {}},
        "boatyard_shop_production_B": {"userManaged": {"replicas": [replica]}},
    }


def test_a_secret_that_somebody_deletes_meanwhile_is_made_again(
    store: ServiceSecretStore, secrets: Secrets, secret_manager: ApiServer
) -> None:
    secret_manager.fail(ADD, 404, "NOT_FOUND", times=1)
    store.put(SCOPE, "TOKEN", value(b"1"))
    assert store.missing(SCOPE, ["TOKEN"]) == ()
    secret_manager.fail(ADD, 404, "NOT_FOUND")
    with pytest.raises(BoatyardError, match="did not accept TOKEN; try again") as caught:
        store.put(SCOPE, "TOKEN", value(b"hunter2"))
    assert caught.value.code == "DATAPLANE_UNAVAILABLE" and "hunter2" not in str(caught.value)


def test_a_secret_without_a_value_is_missing(store: ServiceSecretStore, secrets: Secrets) -> None:
    secrets.make("boatyard_shop_production_TOKEN")
    assert store.missing(SCOPE, ["TOKEN"]) == ("TOKEN",)
    store.put(SCOPE, "TOKEN", value(b"1"))
    secrets.versions["boatyard_shop_production_TOKEN"] = [("DISABLED", b"1")]
    assert store.missing(SCOPE, ["TOKEN"]) == ("TOKEN",)


@pytest.mark.parametrize("name", ["a", "a.b", "a_b", "a-b", "x_.", "x._", "x__", "x_d", "a__d", "d.d_d", "A_D.d"])
def test_a_name_is_found_in_its_id_again(rest: GoogleRest, name: str) -> None:
    service = ProjectSecrets(rest, PROJECT)
    identity = secret_id(service, "boatyard", SCOPE, name)
    assert service.decode(identity.removeprefix("boatyard_shop_production_")) == name


def test_ids_of_scopes_are_no_others(rest: GoogleRest) -> None:
    service = ProjectSecrets(rest, PROJECT)
    scopes = [("a", "b", "c_d"), ("a", "b-c", "d"), ("a-b", "c", "d"), ("a", "b", "c.d")]
    assert len({secret_id(service, "b", Scope(project, domain), name) for project, domain, name in scopes}) == len(
        scopes
    )


def test_what_is_no_secret_of_ours_is_not_listed(store: ServiceSecretStore, secrets: Secrets) -> None:
    store.put(SCOPE, "TOKEN", value(b"1"))
    for other in ("x_boatyard_shop_production_TOKEN", "boatyard_shop_production_", "boatyard_shop_production_a_b"):
        secrets.make(other)
    assert [known.name for known in store.list(SCOPE)] == ["TOKEN"]


def test_a_name_that_no_id_can_hold_is_refused(store: ServiceSecretStore) -> None:
    with pytest.raises(BoatyardError, match="too long") as caught:
        store.put(Scope("p" * 63, "d" * 63), "x" + "_" * 127, value(b"1"))
    assert caught.value.code == "INVALID_SPEC"


def test_the_job_reads_values(store: ServiceSecretStore, rest: GoogleRest) -> None:
    store.put(SCOPE, "one.x", value(b"\x00binary\n"))
    assert read_secret(ProjectSecrets(rest, PROJECT), "boatyard", SCOPE, "one.x") == b"\x00binary\n"


@pytest.mark.parametrize("state", [None, "DISABLED", "DESTROYED"])
def test_a_value_that_is_gone_ends_the_job(rest: GoogleRest, secrets: Secrets, state: str | None) -> None:
    if state:
        secrets.make("boatyard_shop_production_TOKEN")
        secrets.versions["boatyard_shop_production_TOKEN"] = [(state, b"")]
    with pytest.raises(BoatyardError, match="no secret TOKEN") as caught:
        read_secret(ProjectSecrets(rest, PROJECT), "boatyard", SCOPE, "TOKEN")
    assert caught.value.code == "SECRET_NOT_FOUND" and caught.value.missing == ("TOKEN",)


def test_a_denial_names_what_to_grant(store: ServiceSecretStore, rest: GoogleRest, secret_manager: ApiServer) -> None:
    secret_manager.fail("secretmanager.projects.secrets.create", 403, "PERMISSION_DENIED")
    with pytest.raises(BoatyardError, match=f"gcloud projects add-iam-policy-binding {PROJECT}") as caught:
        store.put(SCOPE, "TOKEN", value(b"hunter2"))
    assert caught.value.code == "DATAPLANE_DENIED" and "hunter2" not in str(caught.value)


def test_the_deployments_key_is_one_though_two_wrote_one(rest: GoogleRest, secrets: Secrets) -> None:
    secret = secrets.make("key")
    key = SecretDeploymentKey(SecretManagerKey(rest, secret)).read()
    secrets.versions["key"].append(("ENABLED", b"x" * 32))  # of a function that was slower
    assert SecretDeploymentKey(SecretManagerKey(rest, secret)).read() == key


@pytest.mark.parametrize("version", [("ENABLED", b"short"), ("ENABLED", b""), ("DISABLED", b"k" * 32)])
def test_a_deployments_key_that_is_damaged_is_not_replaced(
    rest: GoogleRest, secrets: Secrets, version: tuple[str, bytes]
) -> None:
    secret = secrets.make("key")
    secrets.versions["key"] = [version]
    with pytest.raises(BoatyardError, match="version 1") as caught:
        SecretDeploymentKey(SecretManagerKey(rest, secret)).read()
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"
    assert secrets.versions["key"] == [version]


def test_a_deployment_whose_secret_is_missing_says_so(rest: GoogleRest, secrets: Secrets) -> None:
    with pytest.raises(BoatyardError, match="terraform apply makes it") as caught:
        key = SecretManagerKey(rest, f"projects/{PROJECT}/secrets/none")
        SecretDeploymentKey(key).read()
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"
