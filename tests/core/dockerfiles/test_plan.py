"""A deployment's changes to a user's Dockerfile: secrets, network, arguments; line numbers stay the same."""

from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.settings import Kubernetes, Network, Settings
from boatyard.spec import parse_spec
from tests.core.orders import planned

CA = Network(ca_bundle="/etc/ca.pem", index_url="https://index.example/simple")
QUIET = Settings(default_repository="r.example/i")


def plan(
    text: str,
    *,
    network: Network = CA,
    scope: tuple[str, str] = ("p", "d"),
    absent: tuple[str, ...] = (),
    **spec: Any,
) -> Plan:
    settings = Settings(default_repository="r.example/i", network=network)
    order = Order(spec=parse_spec({"dockerfile": text, **spec}), scope=Scope(*scope), absent_secrets=absent)
    return planned(order, settings)


def users_lines(made: Plan) -> list[str]:
    return [line for number, line in enumerate(made.dockerfile.split("\n"), 1) if number not in made.inserted_lines]


def test_without_network_and_secrets_the_text_stays_as_it_is() -> None:
    text = "# c\r\nFROM a\r\nRUN x \\\r\n  y\r\n"
    made = plan(text, network=Network(mode="host"))
    assert made.dockerfile == text and made.inserted_lines == () and made.secrets == ()


def test_a_secret_gets_an_id_of_the_project_and_stays_where_it_was() -> None:
    text = (
        "FROM a\n"
        "RUN --mount=type=secret,id=A --mount=type=cache,target=/c,id=x cmd\n"
        'RUN --mount=type=secret,target=/k/B,required=true,mode=0440,uid=5 ["x"]\n'
        "RUN --mount=target=/c,type=SECRET,src=C,required cmd\n"
        "RUN --mount=type=secret,id=D,env=TOKEN cmd\n"
    )
    made = plan(text, network=Network(mode="host"))
    id_ = made.realm.secret + "secret-"
    assert made.dockerfile.split("\n")[1:5] == [
        f"RUN --mount=type=secret,id={id_}A,target=/run/secrets/A --mount=type=cache,target=/c,id=x cmd",
        f'RUN --mount=type=secret,target=/k/B,required=true,mode=0440,uid=5,id={id_}B ["x"]',
        f"RUN --mount=target=/c,type=SECRET,required,id={id_}C cmd",
        f"RUN --mount=type=secret,env=TOKEN,id={id_}D cmd",
    ]
    assert made.secrets == ("B", "C", "A", "D")
    job = make_job(
        Order(spec=parse_spec({"dockerfile": text}), scope=Scope("p", "d")), made, QUIET, attempt=1, context_url=""
    )
    assert [(secret.name, secret.id) for secret in job.secrets] == [(name, id_ + name) for name in "BCAD"]


def test_a_flag_over_several_lines_leaves_each_line_its_number() -> None:
    text = "FROM a\nRUN --mount=type=secret,\\\n# c\nid=A,\\\ntarget='/a b' \\\n  cmd\nRUN last\n"
    made = plan(text, network=Network(mode="host"))
    lines = made.dockerfile.split("\n")
    assert lines[1] == rf"RUN --mount=type=secret,target=/a\ b,id={made.realm.secret}secret-A \\".removesuffix("\\")
    assert lines[2:5] == ["\\", "\\", " \\"] and lines[5:7] == ["  cmd", "RUN last"]


def test_an_id_may_come_from_an_argument() -> None:
    text = "FROM a\nARG NAME=T\nRUN --mount=type=secret,id=${NAME}_1,required=true x\n"
    assert plan(text).secrets == ("T_1",)
    assert plan(text, buildArgs={"NAME": "U"}).secrets == ("U_1",)
    with pytest.raises(BoatyardError, match=r"line 2 .*depends on \$BASE") as refused:
        plan("FROM a\nRUN --mount=type=secret,id=$BASE x\n")
    assert refused.value.code == "UNSUPPORTED"


def test_only_the_stages_that_are_built_need_their_secrets() -> None:
    text = "FROM a AS one\nRUN --mount=type=secret,id=A,required x\nFROM a\nRUN --mount=type=secret,id=B,required x\n"
    assert plan(text).secrets == ("B",) and plan(text, targetStage="One").secrets == ("A",)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("RUN --mount=type=ssh git clone x", "UNSUPPORTED", "mount that: RUN --mount=type=secret"),
        ("RUN --mount=type=secret,id=../x y", "INVALID_DOCKERFILE", "cannot be called '../x'"),
        ("RUN --mount=type=secret x", "INVALID_DOCKERFILE", "cannot be called ''"),
        ('RUN --mount="type=secret,\\"id=x" y', "INVALID_DOCKERFILE", "cannot be read"),
        ("ONBUILD RUN --mount=type=secret,id=x y\nFROM two", "UNSUPPORTED", "ONBUILD"),
    ],
)
def test_what_cannot_be_given_is_refused_with_its_line(line: str, code: str, words: str) -> None:
    with pytest.raises(BoatyardError, match=r"^line 3 of the Dockerfile: ") as refused:
        plan(f"\nFROM a AS two\n{line}\n")
    assert (refused.value.code, words in refused.value.detail) == (code, True)


def test_the_network_reaches_every_form_of_run() -> None:
    text = (
        'FROM a AS one\nRUN x\nSHELL ["/bin/odd"]\nRUN <<EOF\ny\nEOF\nFROM one\nRUN ["z"]\nONBUILD RUN no\n'
        "FROM scratch AS empty\nCOPY --from=1 / /\n"
    )
    made = plan(text)
    flags = (
        "--mount=type=secret,id=boatyard-ca,target=/run/boatyard/ca.pem,mode=0444 "
        "--mount=type=secret,id=boatyard-pip,target=/etc/xdg/pip/pip.conf,mode=0444 "
        "--mount=type=secret,id=boatyard-uv,target=/etc/xdg/uv/uv.toml,mode=0444 "
    )
    assert "\n".join(users_lines(made)).replace(flags, "") == text
    assert made.dockerfile.count(flags) == 3 and made.inserted_lines == (2,)
    assert made.dockerfile.split("\n")[1].startswith("ARG SSL_CERT_FILE=/run/boatyard/ca.pem PIP_CERT=")


def test_an_argument_line_for_every_image_that_a_run_stands_on() -> None:
    made = plan("FROM a\nCOPY x /\nFROM b\nRUN x\nFROM c \\\n AS d\nRUN y\n")
    assert made.inserted_lines == (4, 8)
    assert users_lines(made)[2] == "FROM b" and made.dockerfile.split("\n")[3].startswith("ARG SSL")


def test_proxies_are_build_arguments_that_leave_no_password_in_the_history() -> None:
    network = Network(http_proxy="http://u:p@proxy:1", no_proxy="x")
    assert (
        plan("FROM a\nRUN x\n", network=network).build_args.items()
        >= {"http_proxy": "http://u:p@proxy:1", "no_proxy": "x"}.items()
    )
    declared = plan("FROM a\nARG HTTP_PROXY\nARG no_proxy\nRUN x\n", network=network).build_args
    assert "http_proxy" not in declared and declared["no_proxy"] == "x"
    assert plan("FROM a\nRUN x\n", network=network, buildArgs={"http_proxy": ""}).build_args["http_proxy"] == ""


def test_arguments_and_the_target_stage_count_in_the_key_and_reach_the_job() -> None:
    text = "ARG A\nFROM x AS one\nFROM y\n"
    keys = {
        plan(text, **spec).keys.image
        for spec in ({}, {"buildArgs": {"A": "1"}}, {"buildArgs": {"A": "2"}}, {"targetStage": "one"})
    }
    assert len(keys) == 4
    made = plan(text, buildArgs={"A": "1"}, targetStage="ONE")
    assert made.build_args["A"] == "1"
    order = Order(spec=parse_spec({"dockerfile": text, "targetStage": "ONE"}), scope=Scope("p", "d"))
    assert make_job(order, made, QUIET, attempt=1, context_url="").target_stage == "one"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"buildArgs": {"BUILDKIT_CACHE_MOUNT_NS": "x"}}, "UNSUPPORTED"),
        ({"buildArgs": {"A B": "x"}}, "INVALID_SPEC"),
        ({"buildArgs": {"A": "\0"}}, "INVALID_SPEC"),
        ({"buildArgs": {"SOURCE_DATE_EPOCH": "today"}}, "INVALID_SPEC"),
        ({"targetStage": "no"}, "INVALID_SPEC"),
        ({"targetStage": "a b"}, "INVALID_SPEC"),
        ({"dockerfile": "FROM a\n\0", "x": 1}, "INVALID_SPEC"),
        ({"dockerfile": "FROM a\n# \u20ac\n", "dockerfileEncoding": "latin-1"}, "INVALID_SPEC"),
        ({"dockerfile": "", "baseImage": "a", "pythonVersion": "3.12", "targetStage": "x"}, "INVALID_SPEC"),
    ],
)
def test_what_is_no_argument_or_stage_is_refused(fields: dict[str, Any], code: str) -> None:
    fields.pop("x", None)
    with pytest.raises(BoatyardError) as refused:
        planned(Order(spec=parse_spec({"dockerfile": "FROM a\n", **fields}), scope=Scope("p", "d")))
    assert refused.value.code == code and refused.value.field


def test_the_same_bytes_are_the_same_key_however_they_are_sent() -> None:
    assert plan("FROM a\n# é\n").keys == plan("FROM a\n# Ã©\n", dockerfileEncoding="latin-1").keys
    odd = plan("FROM a\n# é\nRUN x\n", dockerfileEncoding="latin-1")
    assert odd.dockerfile_encoding == "latin-1" and "# é".encode("latin-1") in odd.dockerfile.encode("latin-1")
    assert odd.keys != plan("FROM a\n# é\nRUN x\n").keys
    assert plan("FROM a\n\x0cRUN echo \x1b[31m\n").dockerfile_encoding == "utf-8"


def test_an_optional_secret_that_is_absent_makes_another_image() -> None:
    text = "FROM a\nRUN --mount=type=secret,id=A x\nRUN --mount=type=secret,id=B,required=1 x\n"
    with_it, without = plan(text), plan(text, absent=("A", "B"))
    assert (with_it.secrets, without.secrets) == (("B", "A"), ("B",))
    assert with_it.keys != without.keys and with_it.keys != plan(text, scope=("q", "d")).keys


def test_a_step_that_ran_without_a_secret_does_not_answer_for_the_one_that_has_it() -> None:
    """BuildKit identifies a step by its instruction, and a secret by its id."""
    text = "FROM a\nRUN --mount=type=secret,id=A x\nRUN --mount=type=secret,id=B,required=1 x\n"
    given = [plan(text, absent=absent).dockerfile.split("\n") for absent in ((), ("A",), ("A", "B"))]
    (with_it, without, neither) = [[line for line in lines if line.startswith("RUN")] for lines in given]
    assert with_it[0] != without[0] == neither[0] and with_it[1] == without[1] == neither[1]
    assert "target=/run/secrets/A" in without[0] and "secret-A" not in without[0]


def test_a_line_that_gets_too_long_is_refused() -> None:
    with pytest.raises(BoatyardError, match="line 2 of the Dockerfile: with its mounts"):
        plan("FROM a\nRUN " + "x" * 65_400 + "\n")


def test_a_clusters_bundle_of_a_config_map_is_mounted_as_well() -> None:
    settings = Settings(default_repository="r.example/i", kubernetes=Kubernetes(ca_config_map="company-ca"))
    for spec in ({"dockerfile": "FROM a\nRUN x\n"}, {"baseImage": "a", "pythonVersion": "3.12"}):
        made = planned(Order(spec=parse_spec(spec), scope=Scope("p", "d")), settings)
        assert "id=boatyard-ca,target=/run/boatyard/ca.pem" in made.dockerfile
