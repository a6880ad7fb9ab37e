"""Who a caller is: what the edge says, if it says it as the edge does."""

import base64
import json
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.caller import PRINCIPAL, caller_of
from tests.azure.payloads import ADA, CALLER, TENANT, claims, encoded, principal

OTHER = "99999999-0b5c-4c6d-9e1f-0a1b2c3d4e5f"


def named(headers: dict[str, str]) -> str:
    return caller_of({name.lower(): value for name, value in headers.items()})


def test_a_caller_is_named_by_tenant_and_object_id() -> None:
    assert named(principal()) == CALLER
    assert named(principal([{"typ": "oid", "val": ADA.upper()}, {"typ": "tid", "val": TENANT.upper()}])) == CALLER
    assert named(principal([*claims(), {"typ": "oid", "val": ADA}])) == CALLER, "said twice alike"


def test_a_workload_is_named_like_a_person() -> None:
    """A managed identity's and a service principal's token has their object id, and no name."""
    found = [{"typ": "oid", "val": ADA}, {"typ": "tid", "val": TENANT}, {"typ": "idtyp", "val": "app"}]
    headers = principal(found)
    del headers["X-MS-CLIENT-PRINCIPAL-NAME"]
    assert named(headers) == CALLER


def test_names_that_others_choose_decide_nothing() -> None:
    guest = claims(email="admin@example.com", preferred_username="admin@example.com", appid=OTHER)
    headers = {**principal(guest), "X-MS-CLIENT-PRINCIPAL-NAME": "admin@example.com", "X-MS-CLIENT-PRINCIPAL-ID": OTHER}
    assert named(headers) == CALLER


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no caller"),
        ({"x-ms-client-principal-id": ADA, "x-ms-client-principal-name": "ada@example.com"}, "no caller"),
        ({"x-ms-token-aad-access-token": "a.b.c", "authorization": "Bearer a.b.c"}, "no caller"),
        ({PRINCIPAL: ""}, "cannot be read"),
        ({PRINCIPAL: "%%%"}, "cannot be read"),
        ({PRINCIPAL: "ünïcode"}, "cannot be read"),
        ({PRINCIPAL: encoded(5)}, "cannot be read"),
        ({PRINCIPAL: encoded([])}, "cannot be read"),
        ({PRINCIPAL: encoded({"auth_typ": 5})}, "cannot be read"),
        ({PRINCIPAL: encoded({"auth_typ": "aad", "claims": {"oid": ADA}})}, "cannot be read"),
        ({PRINCIPAL: encoded({"auth_typ": "aad", "claims": [{"typ": "oid", "val": [ADA]}]})}, "cannot be read"),
        ({PRINCIPAL: base64.b64encode(b"[" * 10_000).decode()}, "cannot be read"),
        ({PRINCIPAL: "A" * 100_000}, "cannot be read"),
        (
            {PRINCIPAL: ",".join([principal()["X-MS-CLIENT-PRINCIPAL"]] * 2)},
            "cannot be read",
        ),
        (principal(kind="google"), "did not sign in with Microsoft Entra ID"),
        (principal(kind=""), "did not sign in with Microsoft Entra ID"),
        ({**principal(), "X-MS-CLIENT-PRINCIPAL-IDP": "github"}, "did not sign in with Microsoft Entra ID"),
        (principal([]), "no tenant id or no object id"),
        (principal([{"typ": "oid", "val": ADA}]), "no tenant id"),
        (principal([{"typ": "tid", "val": TENANT}]), "no object id"),
        (principal([*claims(), {"typ": "oid", "val": OTHER}]), "no object id"),
        (principal([*claims(), {"typ": "tid", "val": OTHER}]), "no tenant id"),
        (principal(claims("*")), "no object id"),
        (principal(claims(f"{ADA}\n")), "no object id"),
        (principal(claims(f"{TENANT}/{ADA}")), "no object id"),
        (principal(claims("")), "no object id"),
        (principal(claims(ADA, "common")), "no tenant id"),
    ],
)
def test_whatever_else_is_sent_is_refused_without_being_repeated(headers: dict[str, Any], words: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        named(headers)
    assert refused.value.code == "UNAUTHENTICATED" and words in refused.value.detail
    said = json.dumps(refused.value.detail)
    assert ADA not in said and TENANT not in said and "example.com" not in said
