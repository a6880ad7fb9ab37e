"""The deployment's key in Secrets Manager."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.deployment_key import SecretsManagerKey
from boatyard_serverless.deployment_key import SecretDeploymentKey
from tests.aws.cloud import Cloud

NAME = "boatyard-deployment-key"


def key_in(clients: Clients, secret: str) -> SecretDeploymentKey:
    return SecretDeploymentKey(SecretsManagerKey(clients, secret))


@pytest.fixture
def secret(clients: Clients) -> str:
    return clients.secrets().create_secret(Name=NAME)["ARN"]


def test_it_is_written_once_and_read_once_an_instance(clients: Clients, cloud: Cloud, secret: str) -> None:
    first = key_in(clients, secret)
    key = first.read()
    cloud.calls.clear()
    assert first.read() == key
    assert not cloud.calls, "a warm function asks nobody"
    assert key_in(clients, secret).read() == key
    assert len(cloud.asked("GetSecretValue")) == 1 and not cloud.asked("PutSecretValue")


def test_two_that_write_at_the_same_moment_agree(clients: Clients, secret: str) -> None:
    """Both find no value, and then both write."""
    one, other = SecretsManagerKey(clients, secret), SecretsManagerKey(clients, secret)
    assert one.read() is None and other.read() is None
    one.write_first(b"1" * 32)
    other.write_first(b"2" * 32)
    assert one.read() == other.read() == b"1" * 32


def test_without_the_secret_it_says_who_makes_it(clients: Clients) -> None:
    with pytest.raises(BoatyardError) as refused:
        key_in(clients, NAME).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "terraform apply" in refused.value.detail


@pytest.mark.parametrize("value", [{"SecretString": "text"}, {"SecretBinary": b"short"}])
def test_another_value_is_refused_and_left_as_it_is(clients: Clients, secret: str, value: dict[str, bytes]) -> None:
    clients.secrets().put_secret_value(SecretId=secret, **value)  # type: ignore[arg-type]
    with pytest.raises(BoatyardError) as refused:
        key_in(clients, secret).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "former version" in refused.value.detail
    assert "short" not in refused.value.detail
    found = clients.secrets().get_secret_value(SecretId=secret)
    assert {name: found[name] for name in value} == value  # type: ignore[literal-required]


@pytest.mark.parametrize("action", ["GetSecretValue", "PutSecretValue"])
def test_a_missing_right_is_named(clients: Clients, cloud: Cloud, secret: str, action: str) -> None:
    cloud.fail(action, "AccessDeniedException")
    with pytest.raises(BoatyardError) as refused:
        key_in(clients, secret).read()
    assert refused.value.code == "DATAPLANE_DENIED" and f"secretsmanager:{action}" in refused.value.detail


def test_a_failure_is_not_remembered(clients: Clients, cloud: Cloud, secret: str) -> None:
    reader = key_in(clients, secret)
    cloud.fail("GetSecretValue", "InternalServiceError", status=500)
    with pytest.raises(BoatyardError) as refused:
        reader.read()
    assert refused.value.meaning.retryable
    cloud.faults.clear()
    assert len(reader.read()) == 32
