"""What needs no commands is made for every platform; the rest only for those whose commands the dataplane can run."""

from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.settings import Output, Settings
from boatyard.spec import parse_spec
from tests.core.orders import SETTINGS, apt, commands, copy, env, order, pip, planned, workdir
from tests.core.test_job_steps import CONTEXT, READERS

AMD64 = msgspec.structs.replace(SETTINGS, platforms=("linux/amd64",))
USER = commands("useradd --create-home flyte && chown -R flyte:flyte /root")
POETRY = {"poetryProject": {"pyproject": "in/a", "poetryLock": "in/poetry.lock"}}


def refused(*layers: dict[str, Any], settings: Settings = AMD64, platforms: tuple[str, ...] = ()) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        planned(order(*layers, context=CONTEXT, platform=list(platforms or ("linux/arm64",))), settings)
    assert caught.value.code == "UNSUPPORTED"
    return caught.value


@pytest.mark.parametrize("reader", [each for each in READERS if "poetryProject" not in each], ids=str)
def test_wheels_files_and_variables_are_for_every_platform(reader: dict[str, Any]) -> None:
    given = order(pip("six"), env(A="1"), workdir("/srv"), reader, context=CONTEXT, platform=["linux/arm64"])
    made = planned(given, AMD64)
    assert made.platforms == ("linux/arm64",)
    assert made.keys == planned(given, SETTINGS).keys, "the setting is no part of a key"
    assert make_job(given, made, AMD64, attempt=1, context_url="").runs_on == ("linux/amd64",)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (apt("git"), "layer 1, with_apt_packages('git'), needs commands on linux/arm64"),
        (commands("true"), "layer 1, with_commands(['true']), needs commands on linux/arm64"),
        (USER, "layer 1, with_commands("),
        (POETRY, "layer 1, with_poetry_project("),
    ],
)
def test_the_first_step_that_runs_commands_is_named(layer: dict[str, Any], name: str) -> None:
    error = refused(pip("six"), layer, apt("curl"), copy("in", "/srv"))
    assert name in error.detail and (error.field, error.layer_index) == ("spec.layers[1]", 1)
    assert "runs commands on linux/amd64 only" in error.detail and "binfmt" in error.detail


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"layers": "builder"}, "the setting layers = 'builder' needs commands on linux/arm64"),
        ({"output": Output(sbom=True)}, "the setting output.sbom needs"),
        ({"output": Output(provenance="max")}, "the setting output.provenance = 'max' needs"),
    ],
)
def test_a_setting_by_which_buildkit_makes_whole_images_is_named(changes: dict[str, Any], name: str) -> None:
    settings = msgspec.structs.replace(AMD64, **changes)
    error = refused(pip("six"), settings=settings)
    assert name in error.detail and error.field == "spec.platform"
    assert planned(order(pip("six")), settings)


def test_a_dockerfile_is_for_the_platforms_whose_commands_run() -> None:
    spec = parse_spec({"dockerfile": "FROM debian\n", "platform": ["linux/arm64"]})
    given = Order(spec=spec, scope=Scope("p", "d"), context=CONTEXT)
    with pytest.raises(BoatyardError, match="a Dockerfile needs commands on linux/arm64") as caught:
        planned(given, AMD64)
    assert (caught.value.code, caught.value.field) == ("UNSUPPORTED", "spec.dockerfile")
    assert planned(given, SETTINGS)


def test_of_several_platforms_only_those_that_cannot_run_are_named() -> None:
    detail = refused(apt("git"), platforms=("linux/amd64", "linux/arm64")).detail
    assert "needs commands on linux/arm64, and this deployment runs commands on linux/amd64 only" in detail
    arm = msgspec.structs.replace(SETTINGS, platforms=("linux/arm64",))
    assert "needs commands on linux/amd64," in refused(apt("git"), settings=arm, platforms=("linux/amd64",)).detail


def test_a_platform_that_nobody_knows_stays_refused() -> None:
    with pytest.raises(BoatyardError, match="linux/amd64 and linux/arm64 can be built") as caught:
        order(pip("six"), platform=["linux/s390x"])
    assert caught.value.code == "UNSUPPORTED"
