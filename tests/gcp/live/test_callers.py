"""Checks with Cloud Run itself what decision 0028 relies on: only the checked caller is the caller.

The function must have `access.callers` that admit the environment's account and not everybody. Without them it answers
each caller alike, and these tests prove nothing. No request changes anything.
"""

from urllib.parse import urlsplit

import httpx
import pytest

from boatyard_gcp.id_tokens import fetch
from tests.contract.live import live, named
from tests.gcp.payloads import token

pytestmark = live("gcp")
CHECKED, OTHER = "X-Serverless-Authorization", "Authorization"
FORGED = f"Bearer {token('nobody@boatyard.invalid')}"
"""Such as Cloud Run makes of a token that it has checked. Anybody can write it."""


@pytest.fixture(scope="session")
def own(url: str) -> str:
    return f"Bearer {fetch(url).text}"


@pytest.fixture(scope="session")
def url() -> str:
    parts = urlsplit(named("BOATYARD_LIVE_URL"))
    return f"{parts.scheme}://{parts.netloc}"


def ask(url: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{url}/v1/builds", params={"pageSize": "1"}, headers=headers, timeout=60)


@pytest.mark.parametrize("name", [CHECKED, OTHER])
def test_the_caller_of_either_header_is_known(url: str, own: str, name: str) -> None:
    answer = ask(url, **{name: own})
    assert answer.status_code == 200, answer.text


def test_the_header_that_is_not_checked_names_no_other_caller(url: str, own: str) -> None:
    answer = ask(url, **{CHECKED: own, OTHER: FORGED})
    assert answer.status_code == 200, f"access.callers cannot be relied on here: {answer.text}"


@pytest.mark.parametrize(("forged", "good"), [(CHECKED, ""), (OTHER, ""), (CHECKED, OTHER)])
def test_a_written_token_is_not_admitted(url: str, own: str, forged: str, good: str) -> None:
    """Not even beside a good one that is not the checked one."""
    answer = ask(url, **({good: own} if good else {}), **{forged: FORGED})
    assert answer.status_code in (401, 403), answer.text
    assert "urn:boatyard" not in answer.text, f"the function was asked: {answer.text}"
