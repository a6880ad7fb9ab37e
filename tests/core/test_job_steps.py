"""Steps: what makes each layer, and the keys of the images that end with one."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from boatyard.context import Context
from boatyard.job import BuildJob, JobSteps
from boatyard.key import paths_of, prefix_key
from boatyard.order import Order
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.settings import Output, Settings
from boatyard.spec import parse_layer, parse_spec
from tests.core.orders import SETTINGS, apt, commands, copy, env, order, pip, planned, specs, workdir

CONTEXT = Context(sha256="0" * 64, size=1)
REGISTRY = msgspec.structs.replace(SETTINGS, layers="registry")


def job(*layers: dict[str, Any], settings: Settings = REGISTRY, **fields: Any) -> BuildJob:
    given = order(*layers, context=CONTEXT, **fields)
    return make_job(given, planned(given, settings), settings, attempt=1, context_url="")


def steps(*layers: dict[str, Any], settings: Settings = REGISTRY, **fields: Any) -> JobSteps:
    found = job(*layers, settings=settings, **fields).steps
    assert found is not None
    return found


def keys(*layers: dict[str, Any], settings: Settings = REGISTRY, **fields: Any) -> tuple[str, ...]:
    found = steps(*layers, settings=settings, **fields)
    return (found.opening, *(step.prefix for step in found.layers))


def test_each_layer_names_the_cheapest_maker_that_may_do() -> None:
    found = steps(apt("git"), pip("six"), env(A="1"), workdir("/srv"), commands("true"), copy("src", "/srv"))
    assert [step.maker for step in found.layers] == ["run", "wheels", "config", "config", "run", "files"]


def test_the_registry_has_the_layers_unless_the_deployment_says_otherwise() -> None:
    assert job(pip("six"), settings=SETTINGS).steps is not None
    assert job(pip("six"), settings=msgspec.structs.replace(SETTINGS, layers="builder")).steps is None


def test_a_users_dockerfile_has_no_steps() -> None:
    given = Order(spec=parse_spec({"dockerfile": "FROM debian\n"}), scope=Scope("p", "d"), context=CONTEXT)
    assert make_job(given, planned(given, REGISTRY), REGISTRY, attempt=1, context_url="").steps is None


@hypothesis_settings(max_examples=25)
@given(specs)
def test_the_steps_are_the_dockerfile_cut_into_pieces(document: dict[str, Any]) -> None:
    spec = parse_spec(document)
    given = Order(spec=spec, scope=Scope("p", "d"), context=CONTEXT)
    made = make_job(given, planned(given, REGISTRY), REGISTRY, attempt=1, context_url="")
    if spec.dockerfile:
        return
    assert made.steps and len(made.steps.layers) == len(made.layers)
    lines = made.dockerfile.split("\n")
    assert f"--python={made.steps.python} " in made.dockerfile and made.steps.python == spec.python_version
    at = made.steps.opening_lines
    assert lines[0].startswith("FROM ") and all(line.startswith(("ARG", "ENV")) for line in lines[at - 1 : at])
    for layer in made.layers:
        assert layer.first_line == at + 1
        at = max(at, layer.last_line)
    assert lines[at].startswith(("USER", "ENV _F_IMG_ID="))


@hypothesis_settings(max_examples=25)
@given(specs)
def test_a_maker_gets_the_layer_as_the_spec_has_it(document: dict[str, Any]) -> None:
    spec = parse_spec(document)
    given = Order(spec=spec, scope=Scope("p", "d"), context=CONTEXT)
    made = make_job(given, planned(given, REGISTRY), REGISTRY, attempt=1, context_url="").steps
    for step, layer in zip(made.layers if made else (), spec.layers, strict=made is not None):
        if step.maker != "run":
            assert parse_layer(step.document) == layer


def test_a_prefix_is_shared_until_the_first_layer_that_differs() -> None:
    one, other = keys(apt("git"), pip("six")), keys(apt("git"), pip("six", "rich"), env(A="1"))
    assert one[:2] == other[:2] and one[2] != other[2]
    assert len(set(one) | set(other)) == len(one) + len(other) - 2


@pytest.mark.parametrize(
    "settings",
    [
        msgspec.structs.replace(REGISTRY, output=Output(compression="gzip")),
        msgspec.structs.replace(REGISTRY, output=Output(compression_level=9)),
        msgspec.structs.replace(REGISTRY, uv=msgspec.structs.replace(REGISTRY.uv, image="example.com/uv:other")),
    ],
)
def test_what_changes_the_bytes_of_layers_changes_every_prefix(settings: Settings) -> None:
    assert not set(keys(pip("six"), settings=settings)) & set(keys(pip("six")))


def test_attestations_and_platforms_leave_prefixes_alone() -> None:
    attested = msgspec.structs.replace(REGISTRY, output=Output(sbom=True))
    assert keys(pip("six"), settings=attested) == keys(pip("six"))
    assert keys(pip("six"), platform=["linux/amd64"]) == keys(pip("six"))


def test_the_owner_of_copied_files_is_part_of_a_prefix() -> None:
    """A later layer that makes the user `flyte` changes whom earlier copies belong to."""
    user = commands("useradd -m flyte && chown -R flyte:flyte /root")
    one, other = keys(copy("src", "/srv"), commands("true")), keys(copy("src", "/srv"), user)
    assert one[0] == other[0] and one[1] != other[1]
    assert steps(copy("src", "/srv"), user).layers[0].owner == "flyte:flyte"
    assert steps(copy("src", "/srv"), user).user == "flyte"


READERS: list[dict[str, Any]] = [
    copy("in", "/srv"),
    {"pipPackages": {"packages": ["./a"], "sourceDir": "in"}},
    {"requirements": {"file": "in/r.txt"}},
    {"requirements": {"file": "in/r.txt", "sourceDir": "in"}},
    {"pythonWheels": {"dir": "in", "packageName": "six"}},
    {"uvProject": {"pyproject": "in/a", "uvlock": "in/uv.lock"}},
    {"uvProject": {"pyproject": "in/a", "uvlock": "in/uv.lock", "sourceDir": "in"}},
    {"uvScript": {"script": "in/s.py"}},
    {"uvScript": {"script": "s.py"}},
    {"uvScript": {"script": "in/s.py", "lock": "in/s.py.lock", "sourceDir": "in"}},
    {"poetryProject": {"pyproject": "in/a", "poetryLock": "in/poetry.lock"}},
    {"poetryProject": {"pyproject": "in/a", "poetryLock": "in/poetry.lock", "extraArgs": "--no-root"}},
    {"poetryProject": {"pyproject": "in/a", "poetryLock": "in/poetry.lock", "sourceDir": "in"}},
]
"""Every kind of layer that reads files of the context, in every way."""


@pytest.mark.parametrize("reader", READERS, ids=str)
def test_a_prefix_knows_each_file_that_its_layers_read(reader: dict[str, Any]) -> None:
    """Otherwise a build would get another's files."""

    def prefixes(context: Context) -> tuple[str, ...]:
        return planned(order(env(A="1"), reader, commands("true"), context=context), REGISTRY).keys.prefixes

    read = paths_of(parse_layer(reader))
    assert read
    given = Context(sha256="0" * 64, size=1, trees=dict.fromkeys((*read, "other"), "0" * 64))
    changed = [msgspec.structs.replace(given, trees={**given.trees, path: "1" * 64}, sha256="1" * 64) for path in read]
    changed.append(Context(sha256="2" * 64, size=1))  # its client sent no trees: any file of the archive may differ
    for context in changed:
        before, after = prefixes(given), prefixes(context)
        assert before[:2] == after[:2] and not set(before[2:]) & set(after[2:])
    other = msgspec.structs.replace(given, trees={**given.trees, "other": "1" * 64}, sha256="1" * 64)
    assert prefixes(given) == prefixes(other)


@pytest.mark.parametrize("reader", READERS, ids=str)
def test_a_layers_instructions_read_only_what_its_prefix_knows(reader: dict[str, Any]) -> None:
    text = planned(order(reader, context=CONTEXT), REGISTRY).dockerfile
    mounted = re.findall(r"--mount=type=bind,source=([^, ]+),target=", text)
    copied = [json.loads(line)[0].lstrip("/") for line in re.findall(r"^COPY (\[.*\])$", text, re.MULTILINE)]
    known = paths_of(parse_layer(reader))
    assert mounted or copied
    assert text.count("type=bind,") - text.count("type=bind,from=") == len(mounted)
    assert {*mounted, *copied} <= set(known)


def test_projects_share_no_prefix() -> None:
    given = order(pip("six"))
    made = [
        planned(msgspec.structs.replace(given, scope=Scope(project, "d")), REGISTRY).keys.prefixes
        for project in ("one", "two")
    ]
    assert not set(made[0]) & set(made[1])


def test_a_moved_base_and_another_platform_are_other_prefixes() -> None:
    planned_key = keys()[0]
    made = {prefix_key(planned_key, base, platform) for base in ("sha256:1", "sha256:2") for platform in ("a", "b")}
    assert len(made) == 4 and all(len(key) == 64 for key in made)


def test_an_older_job_ignores_the_steps() -> None:
    class OlderJob(msgspec.Struct, rename="camel"):
        id: str
        dockerfile: str

    made = job(pip("six"))
    assert msgspec.json.decode(msgspec.json.encode(made), type=OlderJob).dockerfile == made.dockerfile
    assert msgspec.json.decode(msgspec.json.encode(made), type=BuildJob) == made


def test_steps_need_no_text_of_their_own() -> None:
    """The job travels in objects of bounded size: a script is in it once."""
    script = "echo " + "x" * 5_000
    assert msgspec.json.encode(job(commands(script))).count(b"x" * 5_000) == 1


@pytest.mark.parametrize(
    ("image", "trusted"),
    [
        ("python:3.12-slim", True),
        ("docker.io/library/python@sha256:" + "0" * 64, True),
        ("ghcr.io/flyteorg/flyte:py3.11-v2.0.0", True),
        ("ghcr.io/flyteorg/flyte-extra:1", False),
        ("docker.io/somebody/python:3.12", False),
        ("ghcr.io.test/flyteorg/flyte:1", False),
        ("acme.test/bases/python:1", False),
        ("acme.test/trusted/python:1", True),
    ],
)
def test_the_job_knows_whether_its_base_is_trusted(image: str, trusted: bool) -> None:
    settings = msgspec.structs.replace(REGISTRY, trusted_bases=(*REGISTRY.trusted_bases, "acme.test/trusted/*"))
    assert job(pip("six"), settings=settings, baseImage=image).base_trusted is trusted


def test_a_deployment_can_trust_nobody() -> None:
    settings = msgspec.structs.replace(REGISTRY, trusted_bases=())
    assert not job(pip("six"), settings=settings, baseImage="python:3.12").base_trusted
