"""Secrets as files: the value and nothing else, for its owner alone."""

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
