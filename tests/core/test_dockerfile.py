"""Values of a spec cannot add an instruction, a flag or a mount, and stay unchanged."""

import contextlib
import itertools
import json
import re
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from boatyard.context import Context
from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.layers import PLAIN_REQUIREMENT
from boatyard.dockerfile.quoting import NEWLINE_ARG
from boatyard.errors import BoatyardError
from boatyard.settings import Network, Settings, Uv
from tests.core.buildkit_words import expand
from tests.core.orders import (
    apt,
    commands,
    copy,
    env,
    env_names,
    hostile_lines,
    hostile_text,
    pip,
    plan,
    workdir,
)

CONTEXT = Context(sha256="a" * 64, size=1)


def lines_of(*layers: dict[str, Any], **fields: Any) -> list[str]:
    """Only the instructions of the layers."""
    made = plan(*layers, **fields)
    text = made.dockerfile.split("\n")  # BuildKit's only line end; Python's splitlines knows more
    return [line for layer in made.layers for line in text[layer.first_line - 1 : layer.last_line]]


def script_of(line: str) -> str:
    """The script of a RUN in exec form."""
    assert line.startswith("RUN ")
    words = json.loads(line[line.index("[") :])
    assert words[:2] == ["/bin/sh", "-c"]
    return str(words[2])


@given(st.lists(hostile_lines, min_size=1, max_size=3))
def test_a_command_is_one_instruction_and_arrives_unchanged(wanted: list[str]) -> None:
    made = lines_of(commands(*wanted))
    assert [script_of(line) for line in made] == wanted
    assert all(line.startswith('RUN ["/bin/sh", "-c", "') and "<<" not in line for line in made)


@example({"A": "\u2028RUN evil\x85RUN evil", "B": "\\\n", "C": "\\", "D": "a\\$B", "E": "'\"${A}\"'"})
@given(st.dictionaries(env_names, hostile_lines, min_size=1, max_size=3))
def test_env_values_arrive_unchanged_but_for_references(variables: dict[str, str]) -> None:
    made = [line for line in lines_of(env(**variables)) if not line.startswith("ARG ")]
    assert len(made) == len(variables)
    seen = {NEWLINE_ARG: "\n"}
    for line, (name, value) in zip(made, ordered(variables).items(), strict=True):
        head, _, word = line.partition("=")
        assert head == f"ENV {name}"
        assert expand(word, seen) == documented(value, seen)
        seen[name] = documented(value, seen)


def documented(value: str, variables: dict[str, str]) -> str:
    """As docs/layers.md says, `$NAME` and `${NAME}` refer to earlier variables, and `\\$` is a dollar sign."""

    def replace(found: re.Match[str]) -> str:
        if found[0] == "\\$":
            return "$"
        return variables.get(found[1] or found[2], "")

    return re.sub(r"\\\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)", replace, value)


@given(hostile_text)
def test_a_workdir_is_one_word(path: str) -> None:
    (line,) = lines_of(workdir(path))
    assert expand(line.removeprefix("WORKDIR "), {}) == documented(path, {})


def is_plain(path: str) -> bool:
    inside = not path.startswith("/") and "\\" not in path
    return inside and {".", "..", ""}.isdisjoint(path.removesuffix("/").split("/"))


names = hostile_text.filter(is_plain)


def only_match(pattern: str) -> str:
    """The one path that a Go path pattern matches, if its only class is of one character."""
    if not set("\\*?[") & set(pattern):
        assert pattern.rstrip() == pattern, "BuildKit cuts white space off the end of a name"
        return pattern
    plain = re.sub(r"(?<!\\)\[([A-Za-z0-9]|\s(?=\]\Z))\]", r"\1", pattern, count=1)
    assert plain != pattern, "BuildKit takes backslashes away from patterns alone, and this is none"
    assert not re.search(r"(?<!\\)[*?\[]", plain.replace(r"\\", ""))
    return re.sub(r"\\(.)", r"\1", plain, flags=re.DOTALL)


@given(names.map("0/".__add__), hostile_text)
def test_copy_takes_exactly_the_file_named(src: str, dst: str) -> None:
    (line,) = lines_of(copy(src, dst), context=CONTEXT)
    source, target = json.loads(line.removeprefix("COPY "))
    assert only_match(expand(source, {})) == src
    assert expand(target, {}) == documented(dst, {})


shell_safe = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)


@settings(max_examples=30)
@given(st.lists(shell_safe, min_size=1, max_size=4))
def test_extra_args_reach_the_program_as_words_and_nothing_runs(words: list[str]) -> None:
    (line,) = lines_of(pip("six", extraArgs=shlex.join(words)))
    arguments = script_of(line).removeprefix('uv pip install --python "$UV_PYTHON" ')
    shown = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' {arguments}"], capture_output=True, check=True)
    assert shown.stdout.decode().split("\0")[:-1] == [*words, "--", "six"]


@pytest.mark.parametrize(
    "layer",
    [
        pip("--index-url=https://evil.example/"),
        pip("six\nRUN evil"),
        pip("six;touch"),
        pip("=>2"),
        pip("six", extraArgs="'unbalanced"),
        apt("-oAPT::Update::Pre-Invoke::=touch /x"),
        apt("git; touch /x"),
        apt("$(touch /x)"),
        apt(" "),
        {"requirements": {"file": "a,target=/etc"}},
        {"requirements": {"file": "../x"}},
        {"requirements": {"file": "/etc/passwd"}},
        {"requirements": {"file": "a b"}},
        copy("../x", "."),
        copy("a/../../x", "."),
        copy("/etc/passwd", "."),
        copy("a\\b", "."),
        {"uvProject": {"pyproject": "app", "sourceDir": "other"}},
        {"uvProject": {"pyproject": "app", "sourceDir": "ap"}},
        {"uvScript": {"script": "0/a.py", "sourceDir": "1"}},
        {"uvScript": {"script": "0/a.py", "lock": "0/b.lock", "sourceDir": "0"}},
        {"requirements": {"file": "0/r.txt", "sourceDir": "1"}},
        {"poetryProject": {"pyproject": "0", "poetryLock": "0/poetry.lock", "sourceDir": "1"}},
        {"pipPackages": {"packages": ["./x.whl"], "sourceDir": "a,target=/etc"}},
        pip("./dist/x.whl"),
        pip("/x.whl"),
        pip("requirements.txt"),
        {"commands": {"cmd": ["x"], "secretMounts": [{"key": "A", "mountPath": "/x,uid=0"}]}},
        {"commands": {"cmd": ["x"], "secretMounts": [{"key": "A", "mountPath": "/a/../b"}]}},
        {"commands": {"cmd": ["x"], "secretMounts": [{"key": "A,src=/etc/shadow"}]}},
        {"commands": {"cmd": ["x"], "secretMounts": [{"key": "A", "envVar": "B=1;evil"}]}},
        {"commands": {"cmd": ["a\0b"]}},
        {"env": {"envVariables": {"A B": "x"}}},
        {"env": {"envVariables": {"A=1\nRUN evil": "x"}}},
        {"env": {"envVariables": {"A": "a\rb"}}},
        {"workdir": {"workdir": "/a\nRUN evil"}},
    ],
)
def test_what_could_break_out_is_refused(layer: dict[str, Any]) -> None:
    with pytest.raises(BoatyardError) as refused:
        plan(layer, context=CONTEXT)
    assert refused.value.code == "INVALID_SPEC"
    assert refused.value.layer_index == 0
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    "layer",
    [
        env(A="x${_BOATYARD_NEWLINE}y"),
        env(A="two\nlines", B="$_BOATYARD_NEWLINE"),
        env(_BOATYARD_NEWLINE="x"),
        workdir("/srv/$_BOATYARD_NEWLINE"),
        copy("a", "/srv/${_BOATYARD_NEWLINE}"),
    ],
)
def test_what_stands_for_a_line_end_cannot_be_named(layer: dict[str, Any]) -> None:
    with pytest.raises(BoatyardError, match="Boatyard's own") as refused:
        plan(layer, context=CONTEXT)
    assert (refused.value.code, refused.value.layer_index) == ("INVALID_SPEC", 0)
    assert plan(env(A="\\$_BOATYARD_NEWLINE and ${_BOATYARD_NEWLINE:-x}")), "which stand for nothing"


@pytest.mark.parametrize(
    ("layer", "room"),
    [(commands, 65_400), (lambda text: env(A=text), 65_520), (lambda text: apt(*textwrap.wrap(text, 4_000)), 65_000)],
    ids=["commands", "env", "apt"],
)
def test_an_instruction_longer_than_buildkit_reads_is_refused(
    layer: Callable[[str], dict[str, Any]], room: int
) -> None:
    assert max(len(line.encode()) for line in lines_of(layer("x" * room))) <= 65_535
    with pytest.raises(BoatyardError, match="BuildKit reads 65,535 at most") as refused:
        plan(layer("x" * 65_536))
    assert refused.value.layer_index == 0
    assert str(refused.value.field).startswith("spec.layers[0].")


@pytest.mark.parametrize(
    "layer",
    [
        pip("six", indexUrl="https://me:hunter2@index.example/simple"),
        pip("six", extraIndexUrls=["https://hunter2@index.example/simple"]),
        pip("six", extraArgs="--find-links https://me:hunter2@x.example/"),
        pip("git+https://hunter2@code.example/x"),
        pip("x @ https://me:hunter2@code.example/x.whl"),
        # The authority ends at its last @: "git@me" is the name here, and no lone public user.
        pip("git+https://git@me:hunter2@code.example/x"),
        pip("x @ 1https://me:hunter2@code.example/x.whl"),
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(layer: dict[str, Any]) -> None:
    with pytest.raises(BoatyardError) as refused:
        plan(layer)
    assert "secret_mounts" in refused.value.detail
    assert "hunter2" not in refused.value.detail


def test_a_public_user_is_no_credential() -> None:
    assert lines_of(pip("git+ssh://git@code.example/x", "x @ https://git@code.example/x.whl"))


@pytest.mark.parametrize("package", ["a" * 60_000, "https" * 10_000, "a://" * 15_000, "a://b@" * 10_000 + "c d@"])
def test_a_long_word_is_looked_through_in_no_time(package: str) -> None:
    before = time.process_time()
    with contextlib.suppress(BoatyardError):
        plan(pip(package))
    assert time.process_time() - before < 5


def test_a_requirement_that_nests_without_end_is_refused() -> None:
    with pytest.raises(BoatyardError) as refused:
        plan(pip("six; " + "(" * 20_000))
    assert refused.value.code == "INVALID_SPEC"
    assert refused.value.layer_index == 0
    assert len(refused.value.detail) < 200


def test_a_secret_is_a_variable_in_the_places_that_flyte_documents() -> None:
    (line,) = lines_of(
        {
            "pipPackages": {
                "packages": ["git+https://$TOKEN@code.example/x", "$HOME"],
                "options": {"indexUrl": "https://me:${TOKEN}@index.example/"},
                "secretMounts": [{"key": "TOKEN"}],
            }
        }
    )
    script = script_of(line)
    assert re.search(
        r"--mount=type=secret,id=[0-9a-f]{32}-secret-TOKEN,target=/run/boatyard/secrets/TOKEN,required=true ", line
    )
    assert '"${TOKEN}"' in script
    assert "'$HOME'" in script


def test_a_secrets_value_keeps_its_line_ends(tmp_path: Any) -> None:
    (line,) = lines_of({"commands": {"cmd": ['printf %s "$T"'], "secretMounts": [{"key": "T"}]}})
    value = tmp_path / "T"
    value.write_bytes(b"a b\n\n")
    script = script_of(line).replace("/run/boatyard/secrets/T", str(value))
    assert subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout == b"a b\n\n"


def test_the_network_is_mounted_only_where_the_deployment_has_one() -> None:
    plain = plan(pip("six")).dockerfile
    assert "boatyard-ca" not in plain
    company = Settings(
        default_repository="r.example/i",
        network=Network(ca_bundle="/ca.pem", index_url="https://u:p@i.example/"),
    )
    made = plan(pip("six"), settings=company).dockerfile
    assert made.count("--mount=type=secret,id=boatyard-ca") == made.count("\nRUN ")
    assert "u:p" not in made


def test_projects_do_not_share_caches() -> None:
    from boatyard.ports import Scope
    from tests.core.orders import order, planned

    one = order(pip("six"))
    other = msgspec.structs.replace(one, scope=Scope("other", "development"))
    # 128 bits: with fewer, a caller who may choose a domain could look for one that has another's caches.
    ids = [re.findall(r"id=([0-9a-f]{32})-uv", planned(o).dockerfile) for o in (one, other)]
    assert len({*ids[0], *ids[1]}) == 2


def test_uv_comes_from_an_image_or_from_a_folder_of_binaries() -> None:
    assert "COPY --from=uv /uv /usr/bin/uv" in plan().dockerfile
    local = Settings(default_repository="r.example/i", uv=Uv(directory="/opt/uv"))
    assert "COPY --from=uv /uv-${TARGETARCH} /usr/bin/uv" in plan(settings=local).dockerfile


def project_script(**more: Any) -> str:
    layer = {"uvProject": {"pyproject": "0/app", "uvlock": "0/uv.lock", "sourceDir": "0", **more}}
    (line,) = lines_of(layer, context=CONTEXT)
    return script_of(line)


@pytest.mark.parametrize("arguments", ["", "--no-install-project", "--group dev --no-install-project"])
def test_a_lock_is_checked_whatever_is_installed(arguments: str) -> None:
    assert re.search(r"uv sync .*--locked", project_script(options={"extraArgs": arguments}))


@pytest.mark.parametrize(
    "arguments", ["--frozen", "--locked", "--upgrade-package six", "-P six", "--upgrade-package=six"]
)
def test_who_says_what_the_lock_is_for_is_obeyed(arguments: str) -> None:
    script = project_script(options={"extraArgs": arguments})
    assert script.count("--locked") == arguments.count("--locked")


def test_without_a_lock_there_is_nothing_to_check() -> None:
    assert "--locked" not in project_script(uvlock="")


@pytest.mark.parametrize(("lock", "copied"), [("0/uv.lock", False), ("0/app/uv.lock", False), ("1/uv.lock", True)])
def test_a_lock_stays_where_uv_finds_it_and_comes_from_elsewhere(lock: str, copied: bool) -> None:
    assert ("cp /tmp/boatyard/uv.lock" in project_script(uvlock=lock)) is copied


def test_files_are_mounted_under_a_path_that_is_their_contents_own() -> None:
    """uv identifies what it built from a folder by the folder's path, so other contents need another path."""

    def place(tree: str) -> str:
        context = msgspec.structs.replace(CONTEXT, trees={**CONTEXT.trees, "0": tree * 64})
        (line,) = lines_of({"pipPackages": {"packages": ["./0/app"], "sourceDir": "0"}}, context=context)
        found = re.search(r"source=0,target=(/tmp/boatyard/[0-9a-f]{32}),rw", line)
        assert found
        assert f"cd {found[1]}\n" in script_of(line)
        return found[1]

    assert place("a") == place("a") != place("b")


def test_every_line_between_two_layers_belongs_to_one() -> None:
    made = plan(apt("git"), env(A="1", B="x\ny"), commands("true", "false"), workdir("/w"))
    spans = [(layer.first_line, layer.last_line) for layer in made.layers]
    assert [last - first + 1 for first, last in spans] == [1, 2, 2, 1]
    assert all(one[1] + 1 == two[0] for one, two in itertools.pairwise(spans))


@given(st.text("aZ09._-=<>!,~ [", min_size=1, max_size=9))
@example("zope.interface")
@example("pandas>=2,<3.1")
def test_what_passes_as_a_plain_requirement_is_one(text: str) -> None:
    """So a function that meets no other ones imports no `packaging`."""
    if PLAIN_REQUIREMENT.match(text):
        assert Requirement(text).name


def test_a_plan_of_plain_requirements_does_without_packaging() -> None:
    code = (
        "import sys; from boatyard.dockerfile.layers import _check_requirement as check\n"
        "check('pandas>=2'); print('packaging' in sys.modules); check('a[b]~=1.0'); print('packaging' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
