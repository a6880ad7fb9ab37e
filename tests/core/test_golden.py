"""Keys and Dockerfiles are pinned across releases.

Each golden/*.json holds an order and the keys it must have; golden/*.Dockerfile is what it renders to. A changed key
means that every user builds everything again: raise `key.SCHEMA`, say why in docs/decisions/0003-keys.md, and write the
files again with `python -m tests.core.test_golden`.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.context import Context
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard.spec import parse_spec
from boatyard.target import Target
from tests.core.orders import planned

GOLDEN = Path(__file__).parent / "golden"


class Case(msgspec.Struct, kw_only=True):
    spec: dict[str, Any]
    settings: dict[str, Any] = {}
    context: dict[str, Any] | None = None
    target: dict[str, str] = {}
    key: str = ""
    target_reference: str = ""
    layer_keys: list[str] = []

    def plan(self) -> Plan:
        settings = msgspec.convert({"defaultRepository": "registry.example.com/images", **self.settings}, Settings)
        context = msgspec.convert(self.context, Context) if self.context else None
        order = Order(
            spec=parse_spec(self.spec),
            scope=Scope("default", "development"),
            context=context,
            target=msgspec.convert(self.target, Target),
        )
        return planned(order, settings)


CASES = sorted(GOLDEN.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_key_is_the_one_it_always_was(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=Case)
    plan = case.plan()
    assert plan.keys.image == case.key
    assert list(plan.keys.layers) == case.layer_keys
    assert str(plan.target) == case.target_reference
    assert plan.dockerfile == path.with_suffix(".Dockerfile").read_text(encoding="utf-8")


def test_there_are_golden_cases_and_no_two_share_a_key() -> None:
    keys = [msgspec.json.decode(path.read_bytes(), type=Case).key for path in CASES]
    assert len(keys) >= 10
    assert len(set(keys)) == len(keys)


def write_anew() -> None:
    for path in CASES:
        case = msgspec.json.decode(path.read_bytes(), type=Case)
        plan = case.plan()
        case.key, case.layer_keys, case.target_reference = plan.keys.image, list(plan.keys.layers), str(plan.target)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n")
        path.with_suffix(".Dockerfile").write_text(plan.dockerfile, encoding="utf-8")


if __name__ == "__main__":
    write_anew()
