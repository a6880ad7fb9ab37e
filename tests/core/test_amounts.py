"""The size of a spec is checked before any other work; refusals name the field and the limit."""

from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.spec import limits, parse_spec
from tests.core.orders import BASE, plan


def spec(*layers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**BASE, "layers": list(layers), **fields}


def pip(**fields: Any) -> dict[str, Any]:
    return {"pipPackages": fields}


def mounts(amount: int) -> list[dict[str, str]]:
    return [{"key": f"K{number}"} for number in range(amount)]


CASES = [
    (lambda n: spec(pip(packages=["six"] * n)), 2_000, "spec.layers[0].pipPackages.packages"),
    (lambda n: spec(pip(packages=["a" * n])), 4_096, "spec.layers[0].pipPackages.packages[0]"),
    (lambda n: spec(pip(secretMounts=mounts(n))), 64, "spec.layers[0].pipPackages.secretMounts"),
    (lambda n: spec(pip(options={"extraArgs": "x" * n})), 16_384, "spec.layers[0].pipPackages.options.extraArgs"),
    (lambda n: spec(pip(options={"indexUrl": "x" * n})), 2_048, "spec.layers[0].pipPackages.options.indexUrl"),
    (
        lambda n: spec(pip(options={"extraIndexUrls": ["x"] * n})),
        32,
        "spec.layers[0].pipPackages.options.extraIndexUrls",
    ),
    (lambda n: spec({"commands": {"cmd": ["true"] * n}}), 500, "spec.layers[0].commands.cmd"),
    (lambda n: spec({"commands": {"cmd": ["x" * n]}}), 65_536, "spec.layers[0].commands.cmd[0]"),
    (
        lambda n: spec({"env": {"envVariables": {f"A{i}": "x" for i in range(n)}}}),
        1_000,
        "spec.layers[0].env.envVariables",
    ),
    (lambda n: spec({"env": {"envVariables": {"A" * n: "x"}}}), 256, "spec.layers[0].env.envVariables"),
    (
        lambda n: spec({"env": {"envVariables": {"A": "x" * n}}}),
        65_536,
        "spec.layers[0].env.envVariables[...]",
    ),
    (lambda n: spec({"workdir": {"workdir": "/" * n}}), 4_096, "spec.layers[0].workdir.workdir"),
    (lambda n: spec(platform=["linux/amd64"] * n), 16, "spec.platform"),
    (lambda n: {**BASE, "baseImage": "a" * n}, 512, "spec.baseImage"),
    (lambda n: spec(*[{"workdir": {"workdir": "/"}}] * n), limits.LAYERS, "spec.layers"),
    # Over all layers together.
    (lambda n: spec(*[pip(packages=["six"] * (n // 10 + n % 10))] * 10), limits.PACKAGES, "spec.layers"),
    (lambda n: spec(*[pip(packages=["a" * (n // 64)])] * 64, pip(packages=["a"] * (n % 64))), 131_072, "spec.layers"),
    (
        lambda n: spec(*[pip(options={"extraArgs": "x" * (n // 8)})] * 8, pip(options={"extraArgs": "x" * (n % 8)})),
        limits.ARGUMENTS_CHARACTERS,
        "spec.layers",
    ),
    (
        lambda n: spec(*[{"env": {"envVariables": {f"A{i}": "" for i in range(n // 20 + n % 20)}}}] * 20),
        limits.ENTRIES,
        "spec.layers",
    ),
    (
        lambda n: spec(*[{"commands": {"cmd": ["x" * (n // 16)]}}] * 16, {"commands": {"cmd": ["x"] * (n % 16)}}),
        limits.CHARACTERS,
        "spec.layers",
    ),
]


@pytest.mark.parametrize(("make", "most", "field"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_the_largest_amount_is_read_and_one_more_is_refused(make: Any, most: int, field: str) -> None:
    parse_spec(make(most))
    with pytest.raises(BoatyardError) as refused:
        parse_spec(make(most + 1))
    assert (refused.value.code, refused.value.field) == ("INVALID_SPEC", field)
    assert str(most) in refused.value.detail.replace(",", "")


def test_amounts_are_counted_before_a_package_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> None:
        raise AssertionError("a package was parsed")

    monkeypatch.setattr("boatyard.dockerfile.layers._check_requirement", burst)
    with pytest.raises(BoatyardError):
        plan(*[pip(packages=["a>=1" + ",>=1" * 1_000])] * 60)


def test_few_words_cannot_make_a_huge_dockerfile() -> None:
    # Every command mounts every secret: 500 x 64 x 200 characters, and that in every layer.
    layer = {"commands": {"cmd": ["x"] * 500, "secretMounts": mounts(64)}}
    with pytest.raises(BoatyardError, match="a Dockerfile of more than 524,288 characters") as refused:
        plan(*[layer] * 10)
    assert refused.value.layer_index == 0
