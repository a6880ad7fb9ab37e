"""The deployment's key in a secret: written by the first function, read once, never replaced."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.deployment_key import SecretDeploymentKey
from boatyard_serverless.memory import MemoryKeySecret


class Counted(MemoryKeySecret):
    reads = 0

    def read(self) -> bytes | None:
        self.reads += 1
        return super().read()


def test_the_first_function_writes_it_and_each_asks_once() -> None:
    secret = Counted()
    first = SecretDeploymentKey(secret)
    key = first.read()
    assert len(key) == 32 and secret.value == key and secret.reads == 2
    assert first.read() == key and secret.reads == 2
    assert SecretDeploymentKey(secret).read() == key and secret.reads == 3


def test_what_another_function_wrote_first_is_the_key() -> None:
    class Raced(MemoryKeySecret):
        def write_first(self, value: bytes) -> bool:
            return super().write_first(b"o" * 32) and super().write_first(value)

    assert SecretDeploymentKey(Raced()).read() == b"o" * 32


def test_without_the_secret_the_error_says_what_creates_it() -> None:
    class Missing(MemoryKeySecret):
        def write_first(self, value: bytes) -> bool:
            return False

    with pytest.raises(BoatyardError, match=r"there is no secret memory .*; terraform apply makes it") as refused:
        SecretDeploymentKey(Missing()).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 33])
def test_a_damaged_value_is_refused_and_left_as_it_is(value: bytes) -> None:
    secret = MemoryKeySecret(value)
    with pytest.raises(BoatyardError) as refused:
        SecretDeploymentKey(secret).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "former version" in refused.value.detail
    assert "short" not in refused.value.detail and secret.value == value
