"""Orders that need BuildKit, where there is none."""

from collections.abc import Callable
from typing import Any

import pytest

from boatyard.order import Order
from boatyard.plan import Plan
from boatyard_serverless.without_buildkit import refuse_run, refuse_run_in_cluster
from tests.serverless.parts import MemoryParts, order


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"layers": [{"pipPackages": {"packages": ["six"]}}, {"aptPackages": {"packages": ["git"]}}]}, "layer 1"),
        ({"layers": [{"commands": {"cmd": ["true"]}}]}, "layer 0"),
        ({"dockerfile": "FROM registry.example.com/base:1\nRUN true\n"}, "Dockerfile"),
    ],
)
@pytest.mark.parametrize(
    ("refuse", "way_out"), [(refuse_run, "BOATYARD_INLINE_OTHER"), (refuse_run_in_cluster, "buildkitUri")]
)
def test_what_needs_buildkit_is_refused_by_name_and_nothing_is_left(
    refuse: Callable[[Order, Plan], None], way_out: str, spec: dict[str, Any], named: str
) -> None:
    parts = MemoryParts()
    parts.refuse_order = refuse
    base = {} if "dockerfile" in spec else {"baseImage": "registry.example.com/base:1", "pythonVersion": "3.12"}
    status, answer = parts.ask("POST", "/v1/builds", order(spec={**base, **spec}))
    assert status == 422 and answer["code"] == "UNSUPPORTED" and named in answer["detail"]
    assert way_out in answer["detail"]
    assert not list(parts.bucket.keys("")) and not parts.started


def test_wheels_files_and_environment_are_not_refused() -> None:
    parts = MemoryParts()
    parts.refuse_order = refuse_run
    assert parts.ask("POST", "/v1/builds", order())[0] == 202
