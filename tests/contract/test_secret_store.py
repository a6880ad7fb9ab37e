"""The contract suite of SecretStore: it stores secrets, lists missing ones, and returns no value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import MemorySecretStore
from boatyard.ports import KnownSecret, Scope, SecretStore, SecretValue
from boatyard_local.secret_store import FileSecretStore
from boatyard_serverless.memory import MemorySecretService
from boatyard_serverless.secrets import ServiceSecretStore
from tests.kubernetes.secret_stores import kubernetes_store

SCOPE = Scope("shop", "production")
TOKEN = SecretValue(kind="build", value=b"hunter2\n")
MAKE: dict[str, Callable[[Path], SecretStore]] = {
    "memory": lambda path: MemorySecretStore(),
    "service": lambda path: ServiceSecretStore(MemorySecretService(), "boatyard"),
    "local": lambda path: FileSecretStore(path / "secrets"),
    "kubernetes": lambda path: kubernetes_store(
        "shop-production", "shop-development", "other-production", "production-shop"
    ),
}


@pytest.fixture(params=sorted(MAKE))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    return MAKE[request.param](tmp_path)


def test_what_was_put_is_not_missing(store: SecretStore) -> None:
    assert store.missing(SCOPE, ["one", "two"]) == ("one", "two")
    store.put(SCOPE, "one", TOKEN)
    store.put(SCOPE, "one", TOKEN)
    assert store.missing(SCOPE, ["one", "two"]) == ("two",)
    assert store.missing(SCOPE, []) == ()


def test_scopes_do_not_share_secrets(store: SecretStore) -> None:
    store.put(SCOPE, "one", TOKEN)
    for other in (Scope("shop", "development"), Scope("other", "production"), Scope("production", "shop")):
        assert store.missing(other, ["one"]) == ("one",)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\0b", "a\n", "ä", "x" * 129]
)
def test_a_name_that_could_be_a_path_is_refused(store: SecretStore, name: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        store.put(SCOPE, name, TOKEN)
    assert refused.value.code == "INVALID_SPEC" and "hunter2" not in str(refused.value)
    with pytest.raises(BoatyardError) as refused:
        store.missing(SCOPE, [name])
    assert refused.value.code == "INVALID_SPEC"


def test_a_value_is_never_shown(store: SecretStore) -> None:
    assert "hunter2" not in repr(TOKEN) + str(TOKEN)
    assert not hasattr(store, "get")


def test_names_and_kinds_are_listed_for_their_scope_alone(store: SecretStore) -> None:
    assert store.list(SCOPE) == ()
    store.put(SCOPE, "two.x", SecretValue(kind="image_pull", value=b'{"auths":{"ghcr.io":{"auth":"eDp5"}}}'))
    store.put(SCOPE, "TOKEN", TOKEN)
    store.put(Scope("shop", "development"), "elsewhere", TOKEN)
    assert store.list(SCOPE) == (
        KnownSecret(name="TOKEN", kind="build"),
        KnownSecret(name="two.x", kind="image_pull"),
    )


def test_a_secret_of_another_kind_takes_the_place_of_the_first(store: SecretStore) -> None:
    store.put(SCOPE, "one", TOKEN)
    store.put(SCOPE, "one", SecretValue(kind="image_pull", value=b'{"auths":{"ghcr.io":{"auth":"eDp5"}}}'))
    assert store.list(SCOPE) == (KnownSecret(name="one", kind="image_pull"),)


def test_what_is_deleted_is_missing_until_it_is_put_again(store: SecretStore) -> None:
    assert store.delete(SCOPE, "one") is False
    store.put(SCOPE, "one", TOKEN)
    store.put(Scope("shop", "development"), "one", TOKEN)
    assert store.delete(SCOPE, "one") is True
    assert store.delete(SCOPE, "one") is False
    assert store.missing(SCOPE, ["one"]) == ("one",)
    assert store.list(SCOPE) == ()
    assert store.missing(Scope("shop", "development"), ["one"]) == ()
    store.put(SCOPE, "one", TOKEN)
    assert store.missing(SCOPE, ["one"]) == ()
    assert store.list(SCOPE) == (KnownSecret(name="one", kind="build"),)
