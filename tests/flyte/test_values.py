"""Hostile values in real builds: allowed values arrive unchanged, without side effects."""

import shlex
from pathlib import Path

import flyte
import pytest

from tests.flyte.conftest import Ensure
from tests.flyte.images import named
from tests.flyte.probe import Docker

pytestmark = pytest.mark.integration

NAMES = (
    "plain.txt",
    "a b.txt",
    'q"uote',
    "s'ingle",
    "d$HOME",
    "st*r",
    "br[a]cket",
    "qu?",
    "-dash",
    "--chown=nobody",
    "ünï",
    "t\tab",
    "hash#",
    "semi;colon",
    "lt<<EOF",
    "brace{a,b}",
    "amp&",
    "pipe|",
    "tilde~",
    "ex!cl",
    "back`tick`",
    "comma,x=y",
    "trailing ",
    "back\\slash",
    "new\nline",
    "bell\x07",
)
"""The last three can be in a folder, and copied by name into one."""

VALUES = {
    "SPACES": "a  b ",
    "QUOTES": "\"double\" 'single' `tick`",
    "DOLLARS": "$(touch /pwned) \\$HOME $ $$ $1 ${",
    "KNOWN": "$SPACES|${SPACES}",
    "UNKNOWN": "[$NOT_THERE]",
    "LINES": "one\ntwo\n\nfour\n",
    "INJECTION": "x\nRUN touch /pwned\nENV EVIL=1",
    "BACKSLASHES": "a\\b \\\\ \\n \\",
    "HEREDOC": "<<EOF\nRUN touch /pwned\nEOF",
    "JSON": '{"a": ["b", 1], "c": "d\\"e"}',
    "HASH": "# not a comment",
    "UNICODE": "ünï → 日本 🚢",
    "TAB": "a\tb",
    "EMPTY": "",
    "EQUALS": "a=b c=d",
    "PATH": "/first:$PATH",
}

EXPECTED = VALUES | {
    "DOLLARS": "$(touch /pwned) $HOME $ $$ $1 ${",
    "KNOWN": "a  b |a  b ",
    "UNKNOWN": "[]",
}


def test_environment_values_arrive_as_they_are(ensure: Ensure, docker: Docker) -> None:
    image = named("t-env").with_env_vars(VALUES).with_env_vars({"LATER": "$LINES"})
    inside = docker.look(ensure(image), texts=("/pwned",))
    path = inside.env.pop("PATH")
    assert {name: inside.env.get(name) for name in EXPECTED if name != "PATH"} == {
        name: value for name, value in EXPECTED.items() if name != "PATH"
    }
    assert path.startswith("/first:/opt/venv/bin:")
    assert inside.env["LATER"] == VALUES["LINES"]
    assert "EVIL" not in inside.env
    assert inside.texts == {"/pwned": None}


def test_file_names_arrive_as_they_are(tmp_path: Path, ensure: Ensure, docker: Docker) -> None:
    folder = tmp_path / "my [folder]* $HOME"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(f"content of {name}")
    hard = tuple(name for name in NAMES if not _plain(name))
    image = (
        named("t-names")
        .with_workdir("/w ork/'q' \"d\" [x] *? ü")
        .with_source_file([folder / name for name in NAMES if _plain(name)])
        .with_source_file([folder / name for name in hard], dst="./")
        .with_source_folder(folder)
        .with_source_folder(folder, dst="/d st/a'b\"c [y]/--from=x", copy_contents_only=True)
        .with_source_file(folder / "plain.txt", dst="/file with spaces")
        .with_source_file(folder / "st*r", dst="/renamed")
        .with_commands(["touch /home/qux /w_orkX"])
    )
    here = "/w ork/'q' \"d\" [x] *? ü"
    texts = {f"{here}/{name}": f"content of {name}" for name in NAMES} | {
        "/file with spaces": "content of plain.txt",
        "/renamed": "content of st*r",
    }
    inside = docker.look(ensure(image), roots=("/w ork", "/d st"), texts=tuple(texts))
    assert inside.workdir == here
    for place in (here, f"{here}/my [folder]* $HOME", "/d st/a'b\"c [y]/--from=x"):
        below = {p.removeprefix(f"{place}/") for p, e in inside.files.items() if p.startswith(f"{place}/")}
        assert {name for name in below if "/" not in name} - {"my [folder]* $HOME"} == set(NAMES)
    assert {e.owner for e in inside.files.values()} == {"root"}
    assert {e.mode for e in inside.files.values() if e.kind == "file"} == {"0o644"}
    assert inside.texts == texts


def test_commands_and_arguments_add_nothing(ensure: Ensure, docker: Docker, packages: str) -> None:
    hostile = "$(touch pwned)`touch pwned`;touch${IFS}pwned&|"
    image = (
        named("t-commands")
        .with_commands(
            [
                "cat > /heredoc <<'EOF'\nRUN touch /pwned\n$HOME\nEOF",
                "printf '%s' 'a\"b' \"c'd\" \\\\ > /quotes",
                "echo one \\\n  two > /continued",
                "--mount=type=bind,target=/x true 2>/no-flag || true",
                'python3 -c \'print("ünï\\n" * 2, end="")\' > /python',
            ]
        )
        .with_pip_packages(
            "by-gamma",
            index_url=f"{packages}/{hostile}/simple",
            extra_args=f"--config-setting a={shlex.quote(hostile)}",
        )
        .with_pip_packages(f"by-beta @ {packages}/$(touch${{IFS}}pwned)/files/by_beta-0.5-py3-none-any.whl")
    )
    texts = ("/heredoc", "/quotes", "/continued", "/python", "/pwned", "/no-flag")
    inside = docker.look(ensure(image), texts=texts, imports=("by_gamma:VERSION", "by_beta:VERSION"))
    assert "--mount" in str(inside.texts.pop("/no-flag"))
    assert inside.texts == {
        "/heredoc": "RUN touch /pwned\n$HOME\n",
        "/quotes": "a\"bc'd\\",
        "/continued": "one two\n",
        "/python": "ünï\nünï\n",
        "/pwned": None,
    }
    assert inside.imports == {"by_gamma:VERSION": "3.0", "by_beta:VERSION": "0.5"}


@pytest.mark.parametrize(
    "image",
    [
        named("x").with_pip_packages("by-gamma; touch pwned"),
        named("x").with_pip_packages("--index-url=https://evil.example.com"),
        named("x").with_pip_packages("by-gamma\nRUN touch /pwned"),
        named("x").with_pip_packages("six", index_url="https://example.com\nRUN evil"),
        named("x").with_pip_packages("six", extra_args="'unbalanced"),
        named("x").with_apt_packages("tree", "-o=APT::Update::Pre-Invoke::=evil"),
        named("x").with_apt_packages("tree;evil"),
        named("x").with_workdir("/a\nRUN evil"),
        named("x").with_env_vars({"A B": "x"}),
        named("x").with_env_vars({"A": "carriage\rreturn"}),
        named("x").with_commands(["nul\0"]),
    ],
    ids=lambda image: str(image._layers[-1])[:60],
)
def test_what_cannot_be_said_is_refused_before_anything_starts(image: flyte.Image, ensure: Ensure) -> None:
    with pytest.raises(flyte.errors.ImageBuildError, match="INVALID_SPEC"):
        ensure(image)


def _plain(name: str) -> bool:
    return not set(name) & set("\\\n\x07\t")
