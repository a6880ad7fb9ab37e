"""Secrets in files contain only the value, and are readable only by their owner."""

from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from boatyard_local.secret_store import FileSecretStore

SCOPE = Scope("shop", "production")


def test_a_value_is_kept_byte_by_byte_where_only_its_owner_looks(tmp_path: Path) -> None:
    store = FileSecretStore(tmp_path / "secrets")
    store.put(SCOPE, "token", SecretValue(kind="build", value=b"\0\xffhunter2\n"))
    path = tmp_path / "secrets/shop/production/token"
    assert path.read_bytes() == b"\0\xffhunter2\n" and path.stat().st_mode & 0o777 == 0o600
    for folder in list(path.parents)[:3]:
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("scope", [Scope("..", "x"), Scope("x", "../y"), Scope("", "x"), Scope("a/b", "c")])
def test_a_scope_that_could_be_a_path_is_refused(tmp_path: Path, scope: Scope) -> None:
    with pytest.raises(BoatyardError) as refused:
        FileSecretStore(tmp_path).put(scope, "token", SecretValue(kind="build", value=b"x"))
    assert refused.value.code == "INVALID_SPEC"


@pytest.mark.parametrize("link", ["shop/production/token", "shop/production", "shop"])
def test_what_lies_behind_a_link_is_no_secret(tmp_path: Path, link: str) -> None:
    """A checkout can contain `.boatyard/secrets/…/token -> ~/.ssh/id_rsa`, and a Dockerfile that mounts it."""
    elsewhere = FileSecretStore(tmp_path / "elsewhere")
    elsewhere.put(SCOPE, "token", SecretValue(kind="build", value=b"the user's own"))
    path = tmp_path / "secrets" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere" / link)
    store = FileSecretStore(tmp_path / "secrets")
    assert store.missing(SCOPE, ["token"]) == ("token",) and store.list(SCOPE) == ()
    if link != "shop/production/token":
        with pytest.raises(BoatyardError, match="is a link"):
            store.put(SCOPE, "token", SecretValue(kind="build", value=b"mine"))
    assert elsewhere.missing(SCOPE, ["token"]) == ()


def test_an_operator_may_link_the_whole_folder_to_one_of_his_own(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "secrets").symlink_to(tmp_path / "disk")
    store = FileSecretStore(tmp_path / "secrets")
    store.put(SCOPE, "token", SecretValue(kind="build", value=b"mine"))
    assert [known.name for known in store.list(SCOPE)] == ["token"] and store.missing(SCOPE, ["token"]) == ()
    (tmp_path / "disk/shop").chmod(0o755)
    assert store.missing(SCOPE, ["token"]) == ("token",), "others can see it, so it is no folder of secrets"
