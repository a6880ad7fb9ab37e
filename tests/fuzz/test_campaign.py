"""A few thousand requests of `make fuzz`, and a proof that it detects errors."""

from pathlib import Path

import msgspec
import pytest

from boatyard.api import Request
from boatyard.api.handlers import Handlers
from tests.fuzz.campaign import CPU_SECONDS, Campaign, _deployment, _examples
from tests.fuzz.edges import Saved
from tests.fuzz.examples import CANARY
from tests.fuzz.largest import sent

OF_TIME = "s of CPU"


def test_no_request_is_answered_with_what_must_not_be() -> None:
    campaign = Campaign(20_261_126, 3_000)
    campaign.run()
    # A second of CPU is for `make fuzz` to hold: beside two other processes it may be more by chance.
    assert [finding.saved.why for finding in campaign.findings if OF_TIME not in finding.saved.why] == []
    answered = {operation for operation, status in campaign.statuses if status < 300}
    assert answered >= {"plan", "ensure", "context", "build", "builds", "logs", "cancel", "image", "getImage", "secret"}
    assert sum(campaign.statuses.values()) == 3_000


def test_what_is_mutated_is_valid(tmp_path: Path) -> None:
    edges = _deployment(tmp_path)
    refused = [
        (request.method, request.path, response.body[:300])
        for request in _examples(edges)
        if (response := edges.edges["api"](request)).status >= 400
    ]
    edges.close()
    assert [each for each in refused if not each[1].startswith("/contexts/") and "python:3.12" not in each[1]] == []


def test_a_seed_repeats_everything() -> None:
    first, second = Campaign(7, 300), Campaign(7, 300)
    first.run()
    second.run()
    assert first.statuses == second.statuses and first.statuses != _other()


def _other() -> object:
    campaign = Campaign(8, 300)
    campaign.run()
    return campaign.statuses


@pytest.mark.parametrize("edge", ["api", "embedded", "function"])
def test_what_is_found_can_be_sent_again(edge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Handlers, "health", burst)
    saved = Saved.of(Request(method="GET", path="/healthz", headers={"x": "\ud800"}), edge, "")
    again = msgspec.json.decode(msgspec.json.encode(saved), type=Saved)
    campaign = Campaign(0, 0)
    response = campaign.again(again)
    assert response is not None and response.status == 500
    assert campaign.findings[0].saved.why == "answers 500"


def test_every_fault_has_its_words() -> None:
    campaign = Campaign(0, 0)
    request = sent("GET", "/healthz")
    good = campaign.again(Saved.of(request, "api", ""))
    assert good is not None and campaign.findings == []
    for change, words in (
        ({"status": 500}, "answers 500"),
        ({"status": 418}, "which its description does not have"),
        ({"body": CANARY.encode()}, "the value of a secret"),
        ({"body": b"{", "headers": {"content-type": "application/json"}}, "no JSON"),
    ):
        response = msgspec.structs.replace(good, **change)
        assert any(words in why for why in campaign._wrong("health", request, response, 0.1)), words
    assert list(campaign._wrong("health", request, good, CPU_SECONDS + 1)) == ["takes 2.0 s of CPU"]
