"""Rules for base images apply to specs and Dockerfiles alike, however an image is spelled."""

import pytest

from boatyard.base_images import effective
from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.ports import Scope
from boatyard.settings import Access, BaseImageRule, Buildkit, Settings
from boatyard.spec import parse_spec
from tests.core.orders import planned

RULES = (
    BaseImageRule(match="python:3.11-slim", image="r.example/python:1"),
    BaseImageRule(match="python:*", image="r.example/other:2"),
)
DOCKERFILE = """# FROM python:3.9
FROM --platform=$BUILDPLATFORM python:3.11-slim AS build
RUN echo "
FROM build
COPY --from=python:3.12 /a /
FROM debian:12
COPY --from=build / /b
COPY --from=1 / /c
"""


def plan(text: str, *rules: BaseImageRule, platforms: tuple[str, ...] = (), **more: object) -> Plan:
    settings = Settings(
        default_repository="r.example/i",
        base_images=rules,
        platforms=("linux/amd64", "linux/arm64"),
        **more,  # type: ignore[arg-type]
    )
    return planned(
        Order(spec=parse_spec({"dockerfile": text, "platform": list(platforms)}), scope=Scope("p", "d")), settings
    )


def test_the_first_rule_that_matches_wins() -> None:
    assert str(effective("python:3.11-slim", RULES)) == "r.example/python:1"
    assert str(effective("python:3.12", RULES)) == "r.example/other:2"
    assert str(effective("debian:12", RULES)) == "docker.io/library/debian:12"


@pytest.mark.parametrize("host", ["", "docker.io/", "docker.io/library/", "index.docker.io/", "Docker.io/library/"])
@pytest.mark.parametrize(
    "match", ["python:3.11-slim", "docker.io/library/python:3.11-slim", "index.docker.io/python:3*"]
)
def test_every_spelling_of_an_image_is_the_same_image(host: str, match: str) -> None:
    rule = (BaseImageRule(match=match, image="r.example/python:1"),)
    assert str(effective(f"{host}python:3.11-slim", rule)) == "r.example/python:1"


def test_hosts_have_no_case_and_latest_is_the_default() -> None:
    acme = (BaseImageRule(match="ghcr.io/acme/*", image="r.example/x:1"),)
    assert str(effective("GHCR.IO/acme/x", acme)) == "r.example/x:1"
    for match in ("debian", "debian:latest", "debian:*"):
        assert str(effective("debian", (BaseImageRule(match=match, image="r.example/d:1"),))) == "r.example/d:1"
        assert str(effective("debian:latest", (BaseImageRule(match=match, image="r.example/d:1"),))) == "r.example/d:1"


def test_a_dockerfile_keeps_its_text_and_its_images_lead_elsewhere() -> None:
    made = plan(DOCKERFILE, *RULES)
    assert made.dockerfile == DOCKERFILE
    assert made.pulls.contexts == {"python:3.11-slim": "r.example/python:1", "python:3.12": "r.example/other:2"}


def test_an_argument_before_from_is_part_of_the_name() -> None:
    text = "ARG V=3.11\nFROM python:${V}-slim AS base\nARG V\nRUN echo $V\nFROM base\n"
    assert plan(text, *RULES).pulls.contexts == {"python:3.11-slim": "r.example/python:1"}


def test_a_mirror_gives_what_the_rules_left() -> None:
    made = plan(
        "FROM python:3.12\nCOPY --from=ghcr.io/a/b /x /\nRUN --mount=from=alpine,target=/x true\n",
        BaseImageRule(match="python:*", image="ghcr.io/acme/python:1"),
        registry_mirrors={"GHCR.io": "m.example/ghcr/", "index.docker.io": "m.example/hub"},
    )
    assert made.pulls.contexts == {
        "python:3.12": "m.example/ghcr/acme/python:1",
        "ghcr.io/a/b": "m.example/ghcr/a/b:latest",
        "alpine": "m.example/hub/library/alpine:latest",
    }
    assert made.pulls.replaced == {"python:3.12": "ghcr.io/acme/python:1"}


def test_the_name_of_a_stage_is_no_image() -> None:
    """BuildKit replaces a stage by a named context of the same name (seen with 0.13)."""
    every = BaseImageRule(match="*", image="r.example/all:1")
    text = (
        "FROM one AS Build\nFROM build as two\nFROM three AS x\nCOPY --from=two / /\nFROM scratch\nFROM four AS six\n"
    )
    text += "COPY --from=build / /\nCOPY --from=X / /\n"
    assert list(plan(text, every).pulls.contexts) == ["one", "three", "four"]


@pytest.mark.parametrize("image", ["go", "go:latest", "docker.io/library/go", '"go"'])
def test_an_image_with_the_name_of_a_stage_is_replaced_in_the_text(image: str) -> None:
    made = plan(
        f"FROM --platform=$BUILDPLATFORM {image} \\\n  AS Go\nRUN true\nFROM go\n",
        RULES[0],
        BaseImageRule(match="*", image="r.example/all:1"),
    )
    assert made.pulls.contexts == {}
    assert made.dockerfile == "FROM --platform=$BUILDPLATFORM r.example/all:1 \\\n  AS Go\nRUN true\nFROM go\n"


def test_a_stage_whose_image_is_another_for_each_platform_and_has_its_name_is_refused() -> None:
    text = "FROM x-$TARGETARCH AS x-amd64\nRUN true\n"
    rule = BaseImageRule(match="x-*", image="r.example/all:1")
    assert plan(text, rule).dockerfile.startswith("FROM r.example/all:1 AS")
    with pytest.raises(BoatyardError, match=r"line 1 .*another image for each platform"):
        plan(text, rule, platforms=("linux/amd64", "linux/arm64"))


def test_an_image_for_each_platform() -> None:
    both = ("linux/amd64", "linux/arm64")
    made = plan("FROM x:$TARGETARCH\n", BaseImageRule(match="x:arm64", image="r.example/y:1"), platforms=both)
    assert made.pulls.contexts == {"x:arm64": "r.example/y:1"} and set(made.pulls.images) == {"x:amd64", "x:arm64"}


def test_what_is_no_reference_is_refused_with_its_line() -> None:
    with pytest.raises(BoatyardError, match=r"^line 2 of the Dockerfile: 'x=https") as refused:
        plan("# x\nFROM x=https://evil.example\n")
    assert (refused.value.code, refused.value.field) == ("INVALID_DOCKERFILE", "spec.dockerfile")


def test_the_syntax_line_follows_rules_and_mirrors() -> None:
    text = "# check=skip=all\n#syntax = docker/dockerfile:1 x\n# escape=`\nFROM a `\n\n"
    hub = {"docker.io": "m.example/hub"}
    assert "#syntax = m.example/hub/docker/dockerfile:1 x\n" in plan(text, registry_mirrors=hub).dockerfile
    rule = BaseImageRule(match="docker/dockerfile:*", image="r.example/df:1")
    made = plan(text, rule)
    assert "#syntax = r.example/df:1 x\n" in made.dockerfile and made.keys.image != plan(text).keys.image
    builtin = plan(text, rule, buildkit=Buildkit(dockerfile_frontend="builtin"))
    assert builtin.dockerfile == "# check=skip=all\n# escape=`\n#\nFROM a `\n\n"
    assert plan(
        "# syntax=docker/dockerfile:1\r\nFROM a\r\n", buildkit=Buildkit(dockerfile_frontend="builtin")
    ).dockerfile == ("#\nFROM a\r\n")


def test_only_docker_hubs_frontend_is_the_built_in_one() -> None:
    text = "# syntax=r.example/docker/dockerfile:1\nFROM a\n"
    assert plan(text, buildkit=Buildkit(dockerfile_frontend="builtin")).dockerfile == text


def test_another_frontend_is_not_read_but_its_image_is_known() -> None:
    made = plan("# syntax=acme/lang:1\nthis is no Dockerfile\n", registry_mirrors={"docker.io": "m.example/hub"})
    assert made.dockerfile == "# syntax=m.example/hub/acme/lang:1\nthis is no Dockerfile\n"


def test_what_builds_may_pull() -> None:
    access = Access(pulls=("docker.io/library/*", "ghcr.io/acme/*"))
    plan("FROM python\nCOPY --from=ghcr.io/acme/x / /\n", access=access)
    for text, line in (
        ("FROM python\nCOPY --from=ghcr.io/evil/x / /\n", 2),
        ("ARG X=evil\nFROM GHCR.io/$X/x\n", 2),
        ("FROM python\n\nRUN --mount=from=evil/x,target=/x true\n", 3),
        ("# syntax=docker/dockerfile:1\nFROM python\n", 1),
        ("FROM python-$BUILDARCH\n", 1),
    ):
        with pytest.raises(BoatyardError, match=f"line {line} of the Dockerfile") as refused:
            plan(text, access=access)
        assert refused.value.code == "FORBIDDEN"
    spec = parse_spec({"baseImage": "evil/x", "pythonVersion": "3.12"})
    with pytest.raises(BoatyardError, match=r"may not pull docker\.io/evil/x"):
        planned(Order(spec=spec, scope=Scope("p", "d")), Settings(default_repository="r.example/i", access=access))


def test_a_rule_that_changes_what_a_dockerfile_means_changes_its_key() -> None:
    def key(*rules: BaseImageRule) -> str:
        return plan(DOCKERFILE, *rules).keys.image

    other = BaseImageRule(match="alpine", image="r.example/alpine:1")
    assert key() == key(other)
    assert key() == plan(DOCKERFILE, registry_mirrors={"docker.io": "m.example"}).keys.image
    assert len({key(), key(RULES[0]), key(*RULES)}) == 3
