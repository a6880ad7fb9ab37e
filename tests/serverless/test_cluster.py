"""A cluster's token is renewed before it expires; the cluster's address comes from the cloud."""

import itertools

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.cluster import ClusterAddress, KeptToken, single_config


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_kept_while_it_is_fresh() -> None:
    clock, numbers = Clock(), itertools.count(1)
    token = KeptToken(lambda: f"token-{next(numbers)}", 780, now=clock, wall=lambda: 0)
    given = []
    for clock.now in (0, 300, 779, 780, 1000, 1560):
        given.append(token())
    assert given == ["token-1"] * 3 + ["token-2"] * 2 + ["token-3"]


def test_it_ages_while_the_function_is_frozen() -> None:
    """While the function is frozen, the monotonic clock may stand still and the wall clock may be set back."""
    wall, numbers = Clock(), itertools.count(1)
    token = KeptToken(lambda: f"token-{next(numbers)}", 780, now=lambda: 5.0, wall=wall)
    given = []
    for wall.now in (10_000, 10_100, 10_900, 200, 300):
        given.append(token())
    assert given == ["token-1"] * 2 + ["token-2"] * 3


def test_what_could_not_be_made_is_made_by_the_next_who_asks() -> None:
    answers = iter([BoatyardError("DATAPLANE_DENIED", "no credentials"), "token"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, BoatyardError):
            raise answer
        return answer

    token = KeptToken(make, 780)
    with pytest.raises(BoatyardError, match="no credentials"):
        token()
    assert token() == token() == "token"


def test_the_address_is_all_that_the_connection_needs() -> None:
    config = single_config("dataplane", ClusterAddress("https://cluster.example", "Q0E="))
    assert config.cluster.server == "https://cluster.example"
    assert config.cluster.certificate_auth_data == "Q0E="
    assert config.user is not None and config.user.token is None, "the token comes with each request"
