"""Dockerfiles are parsed as by BuildKit's frontend."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.dockerfile.parse import Instruction, decode, encode, frontend, graph, parse, reached, spec_text
from boatyard.errors import BoatyardError


def body(text: str) -> list[Instruction]:
    return list(parse("FROM scratch\n" + text).stages[0].body)


def images(text: str, *, target: str = "", platform: str = "linux/amd64", **build_args: str) -> list[str]:
    return [use.image for use in graph(parse(text), build_args, platform=platform, target=target).images]


def paths(text: str, *, target: str = "", **build_args: str) -> tuple[str, ...] | None:
    return reached(parse("FROM scratch\n" + text), target, build_args)


def test_lines_go_on_over_comments_and_empty_lines() -> None:
    (run,) = body("RUN one \\\n  # no\n\n\t two \\  \n three\n")
    assert (run.arguments, run.line, run.last_line) == ("one \t two  three", 2, 6)
    assert body("RUN a \\\\\nRUN b\\\n")[0].arguments == "a \\\\"
    assert [made.arguments for made in body("# x \\\nRUN a \\")] == ["a"]


def test_the_escape_directive() -> None:
    made = parse("# escape = `\nFROM scratch\nRUN a `\n b \\\nRUN c\n")
    assert made.escape == "`" and [i.arguments for i in made.stages[0].body] == ["a  b \\", "c"]
    assert parse("# a comment ends directives\n# escape=`\nFROM x\n").escape == "\\"
    for text in ("# escape=x\nFROM a\n", "# escape=`\n# escape=`\nFROM a\n"):
        with pytest.raises(BoatyardError, match=r"line \d of the Dockerfile"):
            parse(text)


def test_keywords_in_any_case_after_a_byte_order_mark_with_any_line_end() -> None:
    text, encoding = spec_text(b"\xef\xbb\xbffrom  a\tAs\x0bB\r\n\x0crun \\\r\n x\r\nCopy a b")
    made = parse(decode(text, encoding))
    assert (made.stages[0].base, made.stages[0].name) == ("a", "b")
    assert [(i.keyword, i.arguments) for i in made.stages[0].body] == [("RUN", "x"), ("COPY", "a b")]


def test_bytes_that_are_no_utf8_come_back_as_they_were() -> None:
    for data in (b"# caf\xe9\nFROM a\n", b"FROM a\nRUN echo \x1b[31m\xff\x00\n", "# café\nFROM a".encode()):
        text, encoding = spec_text(data)
        assert encode(text, encoding) == data
        assert parse(decode(text, encoding)).stages[0].base == "a"


def test_heredocs() -> None:
    run, copy, quoted = body(
        "RUN <<EOF\nRUN no\nEOF\nCOPY <<-A <<'B' /x/\n\ta\n\tA\n b\nB\nRUN cat <<\"E\" > /f \\\n && true\n$x\nE\n"
    )
    assert (run.heredocs[0].content, run.line, run.last_line) == ("RUN no\n", 2, 4)
    assert [(h.name, h.content, h.expand, h.chomp) for h in copy.heredocs] == [
        ("A", "\ta\n", True, True),
        ("B", " b\n", False, False),
    ]
    assert quoted.heredocs[0].content == "$x\n" and not quoted.heredocs[0].expand
    assert body("ONBUILD RUN <<E\nx\nE\nRUN y\n")[1].arguments == "y"
    assert [
        i.heredocs for i in body('RUN echo \'<<EOF\'\nRUN ["cat", "<<EOF"]\nENV A=<<EOF\nRUN echo $((1<<2))\n')
    ] == [
        (),
        (),
        (),
        (),
    ]
    with pytest.raises(BoatyardError, match="line 2 of the Dockerfile: unterminated heredoc EOF"):
        body("RUN <<EOF\nEOF2\n")


def test_flags_and_forms() -> None:
    run, copy, exec_form, broken = body(
        'RUN --mount=type=bind,"from=a,b" --network="no""ne" --  --x y\nCOPY --from=\\x [a] b\n'
        'RUN ["a", "b c"]\nRUN [ "a", b ]\n'
    )
    assert [(f.name, f.value) for f in run.flags] == [("mount", "type=bind,from=a,b"), ("network", "none")]
    assert run.arguments == "--x y" and copy.flag("from") == "x"
    assert exec_form.json == ("a", "b c") and broken.json is None
    with pytest.raises(BoatyardError, match="strings only"):
        body('RUN ["a", 1]\n')


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("# syntax=docker/dockerfile:1\n", "docker/dockerfile:1"),
        ("#syntax = a/b:c with options\n", "a/b:c"),
        ("# check=skip=all\n# SYNTAX=x\n", "x"),
        ("#!/usr/bin/env docker\n# syntax=x\n", "x"),
        ("// syntax=x\n", "x"),
        ('{"syntax": "x"}', "x"),
        ("# no\n# syntax=x\n", None),
        ("FROM a\n# syntax=x\n", None),
        ("\n# syntax=x\n", None),
    ],
)
def test_the_frontend(text: str, image: str | None) -> None:
    found = frontend(text)
    assert (found.image if found else None) == image
    given = frontend(text, {"BUILDKIT_SYNTAX": "y z"})
    assert given and given.image == "y"


def test_which_frontends_read_dockerfiles() -> None:
    for image in ("docker/dockerfile:1", "docker.io/docker/dockerfile", "r.x/hub/docker/dockerfile-upstream:master"):
        found = frontend(f"# syntax={image}\n")
        assert found and found.is_dockers
    found = frontend("# syntax=evil/notdocker/dockerfiles:1\n")
    assert found and not found.is_dockers


def test_the_images_that_a_target_is_made_of() -> None:
    text = """ARG V=3.11
ARG BASE=python:${V}-slim
FROM $BASE AS Base
FROM --platform=$BUILDPLATFORM golang:1 AS go
FROM debian AS unused
FROM base AS final
COPY --from=go /a /
COPY --from=0 /b /
COPY --from=ghcr.io/x/uv:1 /uv /
RUN --mount=type=bind,from=alpine,target=/a --mount=from=GO,target=/b true
FROM scratch
"""
    assert images(text, target="Final") == ["python:3.11-slim", "golang:1", "ghcr.io/x/uv:1", "alpine"]
    assert images(text, target="base", V="3.9") == ["python:3.9-slim"]
    assert images(text) == []
    with pytest.raises(BoatyardError, match="no stage 'x'; it has base, go, unused, final"):
        images(text, target="x")


def test_a_name_before_its_stage_is_an_image() -> None:
    assert images("FROM later AS a\nFROM x AS later\nFROM a\nCOPY --from=later / /\n") == ["later", "x"]
    assert images("FROM a AS a\nFROM a\n") == ["a"]


def test_platform_arguments_and_quotes_in_from() -> None:
    text = 'ARG X\nFROM "img-${TARGETARCH}${TARGETVARIANT:+-}$TARGETVARIANT:${X:-latest}"\n'
    assert images(text, platform="linux/arm64") == ["img-arm64:latest"]
    assert images(text, platform="linux/arm/v7", X="1") == ["img-arm-v7:1"]
    assert graph(parse("FROM x-$BUILDARCH\n"), {}, platform="linux/amd64").unknown[0].written == "x-$BUILDARCH"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no instructions"),
        ("# only\n", "no instructions"),
        ("RUN a\nFROM b\n", "line 1 of the Dockerfile: RUN before the first FROM"),
        ("ARG a\n", "no FROM"),
        ("FROM a b\n", "line 1 of the Dockerfile: FROM requires"),
        ("FROM a AS 1\n", "invalid name for build stage: '1'"),
        ("ARG X\n\nFROM $X\n", r"line 3 of the Dockerfile: base name \(\$X\) should not be blank"),
        ("FROM ${X\n", "line 1 .*missing '}'"),
        ("FROM a\nCOPY --from=7 a b\n", "line 2 .*no stage of that number"),
        ("FROM a\nRUN " + "x" * 70_000 + "\n", "line 2 .*longer than"),
    ],
)
def test_what_buildkit_cannot_read_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BoatyardError, match=words) as refused:
        graph(parse(text), {}, platform="linux/amd64")
    assert refused.value.code == "INVALID_DOCKERFILE"


def test_what_a_build_can_read() -> None:
    assert paths("COPY a.txt ./b/ /\nADD c/*.py https://x/y git@github.com:a/b /\n") == ("a.txt", "b", "c/*.py")
    assert paths("COPY --from=0 /etc /\nRUN --mount=type=cache,target=/c x\nCOPY <<EOF /x\nEOF\n") == ()
    assert paths("RUN --mount=source=pyproject.toml,target=p x\n") == ("pyproject.toml",)
    assert paths("RUN --mount=target=/src x\n") == (".",) == paths("COPY a . /\n") == paths("COPY / /x\n")
    assert paths('ARG D=src\nENV E=$D/x\nCOPY ["$E", "a b", "/"]\n') == ("a b", "src/x")
    assert paths("ARG D=src\nCOPY $D /\n", D="other/../lib/") == ("lib",)
    assert paths("COPY a /\nFROM scratch AS b\nCOPY c /\n", target="b") == ("c",)


def test_what_a_base_may_have_set_is_not_known() -> None:
    assert reached(parse("FROM python\nCOPY $APP /\n"), "", {}) is None
    assert reached(parse("FROM python\nENV APP=$ROOT/x\nCOPY $APP /\n"), "", {}) is None
    assert reached(parse("FROM python AS a\nARG APP=x\nFROM a\nCOPY $APP ${NO:-y} /\n"), "", {}) is None
    assert reached(parse("FROM python AS a\nENV APP=x\nFROM a\nCOPY $APP /\n"), "", {}) == ("x",)


def test_a_word_per_platform() -> None:
    made = parse("FROM scratch\nARG TARGETARCH\nCOPY bin-$TARGETARCH /\n")
    assert reached(made, "", {}, ("linux/amd64", "linux/arm64")) == ("bin-amd64", "bin-arm64")


@given(st.text(alphabet="FROMRUNCOPYADG abc\\\n\r\t#=<>-'\"${}[],`\x0c\x1b\xa0é", max_size=200))
def test_nothing_unforeseen_comes_out(text: str) -> None:
    try:
        made = parse("FROM a\n" + text)
        graph(made, {}, platform="linux/amd64")
        reached(made, "", {})
    except BoatyardError as error:
        assert error.code == "INVALID_DOCKERFILE"


def test_a_long_file_is_read_in_no_time() -> None:
    text = "FROM a\n" + "RUN --mount=type=cache,target=/x a \\\n b '<<c'\n" * 4_000 + "\n" * 500_000
    before = time.process_time()
    assert len(parse(text).stages[0].body) == 4_000
    assert time.process_time() - before < 10


def _times(text: str, most: int = 4_900) -> str:
    return "FROM a\n" + text * most


HOSTILE = {
    "expansion": "FROM a\nARG B=" + "x" * 60_000 + "\n" + "ENV X=$B\n" * 4_900,
    "expansion before FROM": "ARG B=" + "x" * 60_000 + "\n" + "ARG C=$B\n" * 4_900 + "FROM a\n",
    "stages of stages": "FROM a AS s0\n"
    + "".join(f"FROM s{i} AS s{i + 1}\nRUN x$Y\nENV A{i}=$Y\n" for i in range(490)),
    "variables for many stages": "FROM a AS b\n" + "".join(f"ENV A{i}=1\n" for i in range(4_000)) + "FROM b\n" * 480,
    "mounts": "FROM a\n" + ("RUN " + "--mount=type=cache,target=/x " * 190 + "x\n") * 180,
    "heredocs": _times("RUN <<E\nE\n"),
    "quotes": "FROM a\n" + ("ENV A=" + "'a'" * 20_000 + "\n") * 15,
    "nested": "FROM a\n" + ("ENV A=" + "${A:-" * 50 + "}" * 50 + "\n") * 2_000,
    "images": "FROM a\n" + "".join(f"COPY --from=r.x/i{i} x y\n" for i in range(4_900)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_takes_long(name: str) -> None:
    before = time.process_time()
    try:
        made = parse(HOSTILE[name])
        graph(made, {}, platform="linux/amd64")
        reached(made, "", {})
    except BoatyardError as error:
        assert error.code == "INVALID_DOCKERFILE"
    assert time.process_time() - before < 3


def test_what_nobody_writes_is_refused() -> None:
    with pytest.raises(BoatyardError, match=r"line 5002 .*at most 5,000"):
        parse(_times("\nRUN x", 5_001))
    with pytest.raises(BoatyardError, match=r"line 501 .*at most 500"):
        parse("FROM a\n" * 501)
    with pytest.raises(BoatyardError, match="line 2 of the Dockerfile: has 300 flags"):
        parse("FROM a\nRUN " + "--x=y " * 300 + "z\n")
