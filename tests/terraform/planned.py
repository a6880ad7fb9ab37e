"""Plans with mocks in one command, without a provider's calls for each resource.

An apply calls the provider twice for each resource and writes the state each time, so many cases take minutes.
"""

import json
from typing import Any, Final, NamedTuple

from tests.terraform.objects import UNKNOWN
from tests.terraform.offline.cli import Terraform

_RUN: Final = 'run "all" {\n  command = plan\n}\n'


class Planned(NamedTuple):
    outputs: dict[str, Any]
    resources: dict[str, dict[str, Any]]
    """Address -> values; what only an apply would know is UNKNOWN."""


def planned(terraform: Terraform, mocks: tuple[str, ...] | str) -> Planned:
    """`mocks`: names of providers, or a whole test. Raises TerraformFailed."""
    tests = terraform.folder / "tests"
    tests.mkdir(exist_ok=True)
    text = mocks if isinstance(mocks, str) else "".join(f'mock_provider "{name}" {{}}\n' for name in mocks) + _RUN
    (tests / "all.tftest.hcl").write_text(text)
    lines = [json.loads(line) for line in terraform("test", "-json", "-verbose").splitlines()]
    (plan,) = [line["test_plan"] for line in lines if line["type"] == "test_plan"]
    return Planned(
        {name: change.get("after") for name, change in plan["output_changes"].items()},
        {
            change["address"]: _with_unknown(change["change"]["after"], change["change"]["after_unknown"])
            for change in plan["resource_changes"]
            if change["mode"] == "managed"
        },
    )


def _with_unknown(after: Any, unknown: Any) -> Any:
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict):
        return {
            name: _with_unknown((after or {}).get(name), unknown.get(name)) for name in {**(after or {}), **unknown}
        }
    if isinstance(unknown, list) and isinstance(after, list):
        return [_with_unknown(value, mark) for value, mark in zip(after, unknown, strict=True)]
    return after
