"""Users' secrets over a cloud's service: conflicts, what is listed, and the job's side."""

import pytest

from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from boatyard_serverless.memory import MemorySecretService
from boatyard_serverless.secrets import ServiceSecretStore, read_secret

SCOPE = Scope("shop", "production")
VALUE = SecretValue(kind="image_pull", value=b"hunter2")


def test_a_write_that_another_caller_prevents_is_repeated_and_then_refused() -> None:
    service = MemorySecretService()
    store = ServiceSecretStore(service, "boatyard")
    service.conflicts = 2
    store.put(SCOPE, "TOKEN", VALUE)
    assert store.missing(SCOPE, ["TOKEN"]) == ()
    service.conflicts = 3
    with pytest.raises(BoatyardError, match="did not accept TOKEN; try again") as refused:
        store.put(SCOPE, "TOKEN", VALUE)
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "hunter2" not in str(refused.value)


def test_only_a_scopes_own_secrets_are_listed() -> None:
    service = MemorySecretService()
    store = ServiceSecretStore(service, "boatyard")
    store.put(SCOPE, "TOKEN", VALUE)
    for other in ("x/boatyard/shop/production/TOKEN", "boatyard/shop/production/", "boatyard/shop/production/a/b"):
        service.write(other, b"1", {})
    assert [(known.name, known.kind) for known in store.list(SCOPE)] == [("TOKEN", "image_pull")]


def test_the_job_reads_a_value_and_names_one_that_is_missing() -> None:
    service = MemorySecretService()
    ServiceSecretStore(service, "boatyard").put(SCOPE, "TOKEN", VALUE)
    assert read_secret(service, "boatyard", SCOPE, "TOKEN") == b"hunter2"
    with pytest.raises(BoatyardError, match="no secret OTHER") as refused:
        read_secret(service, "boatyard", SCOPE, "OTHER")
    assert refused.value.code == "SECRET_NOT_FOUND" and refused.value.missing == ("OTHER",)


@pytest.mark.parametrize("name", ["", "a/b", "../TOKEN"])
def test_no_name_is_another_ones_id(name: str) -> None:
    service = MemorySecretService()
    with pytest.raises(BoatyardError) as refused:
        ServiceSecretStore(service, "boatyard").put(SCOPE, name, VALUE)
    assert refused.value.code == "INVALID_SPEC" and not list(service.found(""))
