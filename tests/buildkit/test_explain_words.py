"""Only the words of BuildKit and of Boatyard's tools classify a failure, never those of the failed command."""

import msgspec
import pytest

from boatyard.job import JobLayer
from boatyard.spec.messages import kinds
from boatyard_buildkit.explain import explain, uv
from boatyard_buildkit.explain.explain import _TOOLS, WITHOUT_TOOL
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions, parse_step
from boatyard_buildkit.shared_steps import disturbed
from tests.buildkit import jobs

WORDS = (
    "is there no space left on device?",
    'check: failed to compute cache key: failed to calculate checksum of ref x: "/data": not found',
    "hint: dockerfile parse error on line 3: x",
    "failed to push x: denied",
    "no active sessions",
    "error: No solution found when resolving dependencies",
    "E: Unable to locate package x",
    'process "x" did not complete successfully: exit code: 137',
    "error: Failed to fetch: https://x  cause: dns error",
    "rpc error: code = Unavailable desc = error reading from server: EOF",
    "No space left on device (os error 28)",
    "exec /bin/sh: exec format error",
    "unset ssh forward key default",
    "ADD x: invalid response status 404",
)


def failing(script: str, output: tuple[str, ...] = (), *, code: int = 2, kind: str = "") -> str:
    """The error code for a RUN that ended with an exit code. `kind` is that of its layer, empty for a user's
    Dockerfile."""
    name = f"[context 2/2] RUN {script}"
    layer = JobLayer(index=0, kind=kind, sdk_call="with_x()", key="0" * 64, first_line=2, last_line=2)
    text = f"FROM x AS context\nRUN {script}\n"
    job = msgspec.structs.replace(jobs.make(dockerfile="FROM x\n"), dockerfile=text, layers=(layer,) if kind else ())
    assert bool(Instructions(job).layer_at(2)) is bool(kind)
    error = f'process "/bin/sh -c {script}" did not complete successfully: exit code: {code}'
    final = (f"ERROR: failed to solve: {error}",)
    ended = Ended(exit_code=1, vertex=name, step=parse_step(name), error=error, line=2, output=output, text=final)
    assert not disturbed(ended)
    return explain(ended, job, Instructions(job)).code


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("kind", ["", "commands"])
def test_no_words_of_a_command_decide_what_its_failure_is(words: str, kind: str) -> None:
    """Neither words in its text, which BuildKit's error quotes, nor words that it prints."""
    assert failing(f"test -d /nope || (echo '{words}'; exit 2)", (words,), kind=kind) == "COMMAND_FAILED"


def test_each_layer_has_a_tool_that_is_read_or_has_none() -> None:
    assert _TOOLS.keys() | WITHOUT_TOOL == set(kinds())
    assert not _TOOLS.keys() & WITHOUT_TOOL


@pytest.mark.parametrize("kind", ["uvProject", "uvScript"])
def test_uvs_words_are_read_for_projects_and_scripts(kind: str) -> None:
    said = "error: The lockfile at `a.py.lock` needs to be updated, but `--locked` was provided."
    assert failing("uv sync", (said,), kind=kind) == "LOCK_OUTDATED"
    said = "  \u00d7 No solution found when resolving script dependencies:"
    assert failing("uv sync", (said, "  ╰─▶ Because nosuch was not found in the package registry"), kind=kind) != (
        "COMMAND_FAILED"
    )


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("uv.lock", "Run `uv lock`, commit uv.lock, then build again."),
        ("tools/a.py.lock", "Run `uv lock --script tools/a.py`, commit a.py.lock, then build again."),
    ],
)
def test_the_command_that_makes_the_lock_is_named(path: str, advice: str) -> None:
    verdict = uv.read((f"error: The lockfile at `{path}` needs to be updated, but `--locked` was provided.",), 2)
    assert verdict and verdict.advice == advice


def test_a_command_that_was_killed_is_known_by_its_exit_code() -> None:
    assert failing("x", ("anything",), code=137, kind="commands") == "OUT_OF_MEMORY"
    assert failing("uv pip install x", ("error: Failed to fetch",), code=137, kind="pipPackages") == "OUT_OF_MEMORY"


@pytest.mark.parametrize("words", WORDS)
def test_what_a_package_prints_while_a_tool_installs_it_decides_nothing(words: str) -> None:
    quoted = (
        "  cause: The build backend returned an error",
        "",
        "         [stderr]",
        f"         {words}",
        f"  {words}",
    )
    assert failing("uv pip install x", ("error: Failed to build `x`", *quoted), kind="pipPackages") == "COMMAND_FAILED"
    dpkg = (
        "dpkg: error processing package x (--configure):",
        "E: Sub-process /usr/bin/dpkg returned an error code (1)",
    )
    assert failing("apt-get install x", (words, *dpkg), code=100, kind="aptPackages") == "COMMAND_FAILED"
    chef = ("  - Installing x (1): Failed", "", "  ChefBuildError", "", f"  {words}", words)
    assert failing("poetry install", chef, kind="poetryProject") == "COMMAND_FAILED"


def test_a_disk_that_is_full_is_told_by_the_tools_themselves() -> None:
    archive = "dpkg: error processing archive /var/x.deb (--unpack):"
    reason = " cannot copy extracted data for './a' to '/a.dpkg-new': failed to write (No space left on device)"
    ended = "E: Sub-process /usr/bin/dpkg returned an error code (1)"
    assert failing("apt-get", (archive, reason, ended), kind="aptPackages") == "DISK_FULL"
    uvs = ("error: Failed to write to /root/.cache/uv", "  cause: No space left on device (os error 28)")
    assert failing("uv", uvs, kind="pipPackages") == "DISK_FULL"


@pytest.mark.parametrize(
    ("fatal", "code", "named"),
    [
        (
            "fatal: unable to access 'https://git.invalid/x/': Could not resolve host: git.invalid",
            "NETWORK_UNREACHABLE",
            "git.invalid",
        ),
        (
            "fatal: unable to access 'https://g.example/x/': Failed to connect to g.example port 443",
            "NETWORK_UNREACHABLE",
            "g.example",
        ),
        (
            "fatal: could not read Username for 'https://g.example': terminal prompts disabled",
            "PACKAGE_NOT_FOUND",
            "secret_mount",
        ),
        ("fatal: couldn't find remote ref refs/heads/nope", "PACKAGE_NOT_FOUND", "branch"),
    ],
)
def test_a_git_repository_that_uv_cannot_fetch(fatal: str, code: str, named: str) -> None:
    output = (
        "  \u00d7 Failed to download and build `x @ git+https://g.example/x`",
        "  ├─▶ Git operation failed",
        "  ├─▶ failed to clone into: /root/.cache/uv/git-v0/db/1",
        "  ╰─▶ process didn't exit successfully: `/usr/bin/git fetch --force` (exit status: 128)",
        "      --- stderr",
        f"      {fatal}",
    )
    verdict = uv.read(output, 1)
    assert verdict and verdict.code == code
    assert named in f"{verdict.message} {verdict.advice}"


def test_advice_about_updating_uv_is_not_passed_on() -> None:
    """The deployment provides uv, so users cannot update it."""
    verdict = uv.read(("error: something new", "hint: update uv by `uv self update`", "hint: another"), 2)
    assert verdict and verdict.advice == "another."


def test_a_project_for_another_uv_says_which_and_whose_it_is() -> None:
    said = (
        "error: Required uv version `>=99` does not match the running version `0.13.4`. "
        "Update `uv` by running `uv self update`."
    )
    verdict = uv.read((said,), 2)
    assert verdict and verdict.message == "the project requires uv >=99, and the deployment's is 0.13.4"
    assert "required-version" in verdict.advice and "self update" not in verdict.message + verdict.advice


def test_a_version_that_comes_from_git_is_told() -> None:
    output = (
        "error: Failed to build `app @ file:///root/.flyte/0/app`",
        "  cause: The build backend returned an error",
        "         [stderr]",
        "         LookupError: setuptools-scm was unable to detect version for /root/.flyte/0/app.",
    )
    verdict = uv.read(output, 1)
    assert verdict and verdict.code == "COMMAND_FAILED" and ".git" in verdict.advice and "apt" not in verdict.advice


@pytest.mark.parametrize(
    ("instruction", "error", "code"),
    [
        ("RUN --mount=type=ssh true", "unset ssh forward key default", "UNSUPPORTED"),
        ("WORKDIR /etc/passwd/x", "mkdir /etc/passwd: not a directory", "COMMAND_FAILED"),
        ("RUN true", "unable to find user nobody2: no matching entries in passwd file", "COMMAND_FAILED"),
        ("RUN true", "something that no release has said yet", "COMMAND_FAILED"),
        (
            "COPY 'no space left on device' /",
            'failed to calculate checksum of ref x: "/no space left on device": not found',
            "FILE_NOT_FOUND",
        ),
        ("COPY a /", "write /var/lib/x: no space left on device", "DISK_FULL"),
    ],
)
def test_a_step_that_cannot_be_done_is_not_ours(instruction: str, error: str, code: str) -> None:
    name = f"[2/2] {instruction}"
    job = msgspec.structs.replace(jobs.make(dockerfile="FROM x\n"), dockerfile=f"FROM x\n{instruction}\n")
    ended = Ended(exit_code=1, vertex=name, step=parse_step(name), error=error, line=2, output=(), text=())
    failure = explain(ended, job, Instructions(job))
    assert failure.code == code
