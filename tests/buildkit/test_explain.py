"""Failures of builds are explained, from BuildKit's real output."""

import json
from pathlib import Path

import pytest

from boatyard.errors import CODES
from boatyard.settings import Uv
from boatyard_buildkit.explain import apt, command, explain, poetry, resolution, uv
from boatyard_buildkit.explain.verdict import Verdict
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions, StepName, parse_step
from tests.buildkit import captured, jobs

# capture -> code, layer index, what the message must name
EXPECTED: dict[str, tuple[str, int | None, str]] = {
    "apt-dns": ("NETWORK_UNREACHABLE", 1, "no-such-host.invalid"),
    "apt-missing": ("APT_PACKAGE_NOT_FOUND", 0, "boatyard-no-such-package"),
    "apt-network": ("NETWORK_UNREACHABLE", 1, "127.0.0.1:1"),
    "apt-none": ("COMMAND_FAILED", 1, "apt-get"),
    "apt-version": ("APT_PACKAGE_NOT_FOUND", 0, "jq"),
    "apt-virtual": ("APT_PACKAGE_NOT_FOUND", 0, "awk, default-mta-x"),
    "base-denied": ("BASE_IMAGE_DENIED", None, "127.0.0.1:5056/x:1"),
    "base-dns": ("REGISTRY_UNAVAILABLE", None, "registry.invalid/x:1"),
    "base-missing-repo": ("BASE_IMAGE_NOT_FOUND", None, "127.0.0.1:5055/no/such:1"),
    "base-missing-tag": ("BASE_IMAGE_NOT_FOUND", None, "127.0.0.1:5055/base/python:nope"),
    "base-platform": ("UNSUPPORTED", None, "arm64"),
    "base-refused": ("REGISTRY_UNAVAILABLE", None, "connection refused"),
    "command-127": ("COMMAND_FAILED", 0, "no-such-program"),
    "command-exit": ("COMMAND_FAILED", 1, "exit code 3"),
    "command-killed": ("OUT_OF_MEMORY", 0, "137"),
    "command-lies": ("COMMAND_FAILED", 0, "exit code 1"),
    "copy-absent": ("FILE_NOT_FOUND", 0, "nope.txt"),
    "daemon-absent": ("DATAPLANE_UNAVAILABLE", None, "nope.sock"),
    "disk-step": ("COMMAND_FAILED", 0, "exit code 1"),
    "dockerfile-copy": ("FILE_NOT_FOUND", None, "nope"),
    "dockerfile-empty": ("INVALID_DOCKERFILE", None, "no instructions"),
    "dockerfile-flag": ("INVALID_DOCKERFILE", None, "line 2"),
    "dockerfile-nofrom": ("INVALID_DOCKERFILE", None, "no build stage"),
    "dockerfile-run": ("COMMAND_FAILED", None, "pip3"),
    "dockerfile-stage": ("REGISTRY_UNAVAILABLE", None, "nostage"),
    "dockerfile-syntax": ("REGISTRY_UNAVAILABLE", None, "127.0.0.1:1/dockerfile:1"),
    "dockerfile-unknown": ("INVALID_DOCKERFILE", None, "RUNN"),
    "entry-point": ("COMMAND_FAILED", None, "/bin/sh"),
    "pip-conflict": ("PIP_RESOLUTION_CONFLICT", 0, "urllib3==1.26.0 and urllib3==2.0.0"),
    "pip-conflict-deep": ("PIP_RESOLUTION_CONFLICT", 0, "botocore==1.31.0 depends on urllib3>=1.25.4,<1.27"),
    "pip-depends": ("PIP_RESOLUTION_CONFLICT", 0, "but urllib3>=3 is required"),
    "pip-git": ("COMMAND_FAILED", 0, "git"),
    "pip-index-401": ("PACKAGE_NOT_FOUND", 0, "six"),
    "pip-index-dns": ("NETWORK_UNREACHABLE", 0, "no-such-host.invalid"),
    "pip-index-refused": ("NETWORK_UNREACHABLE", 0, "127.0.0.1:1"),
    "pip-missing": ("PACKAGE_NOT_FOUND", 0, "boatyard-no-such-package-xyz"),
    "pip-only": ("PACKAGE_NOT_FOUND", 0, "six>99"),
    "pip-option": ("COMMAND_FAILED", 0, "--no-such-option"),
    "pip-python": ("PIP_RESOLUTION_CONFLICT", 0, "django==6.0 needs Python >=3.12"),
    "pip-sdist": ("COMMAND_FAILED", 0, "psycopg2==2.9.9"),
    "pip-transitive": ("PIP_RESOLUTION_CONFLICT", 0, "flask==2.0.0 depends on jinja2>=3.0"),
    "pip-version": ("PACKAGE_NOT_FOUND", 0, "six==99.0"),
    "pip-wheel2": ("PACKAGE_NOT_FOUND", 0, "tensorflow==2.20.0"),
    "poetry-outdated": ("LOCK_OUTDATED", 0, "poetry.lock"),
    "push-denied": ("PUSH_DENIED", None, "127.0.0.1:5056/acme/image"),
    "push-dns": ("REGISTRY_UNAVAILABLE", None, "registry.invalid"),
    "push-refused": ("REGISTRY_UNAVAILABLE", None, "127.0.0.1:1"),
    "python-absent": ("NETWORK_UNREACHABLE", None, "github.com"),
    "python-nodownload": ("UNSUPPORTED", None, "Python 3.99"),
    "requirements-absent": ("FILE_NOT_FOUND", 0, "requirements.txt"),
    "requirements-bad": ("COMMAND_FAILED", 0, "requirements.txt"),
    "requirements-conflict": ("PIP_RESOLUTION_CONFLICT", 0, "urllib3==1.26.0"),
    "uv-bad-toml": ("COMMAND_FAILED", 0, "pyproject.toml"),
    "uv-conflict": ("PIP_RESOLUTION_CONFLICT", 0, "urllib3==1.26.0"),
    "uv-frozen": ("LOCK_OUTDATED", 0, "uv.lock"),
    "uv-lock-corrupt": ("LOCK_OUTDATED", 0, "cannot be read"),
    "uv-locked": ("LOCK_OUTDATED", 0, "out of date"),
    "uv-locked-nolock": ("LOCK_OUTDATED", 0, "missing"),
    "uv-missing": ("PACKAGE_NOT_FOUND", 0, "boatyard-no-such-package-xyz"),
    "uv-nogit": ("PIP_RESOLUTION_CONFLICT", 0, "Python >=3.12"),
}


def test_every_capture_has_an_expectation() -> None:
    assert captured.names() == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_failed_build_says_which_layer_failed_and_why(name: str, tmp_path: Path) -> None:
    code, layer, named = EXPECTED[name]
    failure, _ = captured.replay(name, tmp_path)
    assert (failure.code, failure.layer_index) == (code, layer)
    assert named in failure.message
    assert failure.retryable is CODES[code].retryable
    assert failure.advice.endswith(".")
    assert "\n" not in failure.message + failure.advice


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_layer_is_named_in_the_words_of_the_sdk(name: str, tmp_path: Path) -> None:
    failure, _ = captured.replay(name, tmp_path)
    if failure.layer_index is not None:
        assert failure.layer_kind
        assert failure.sdk_call and failure.sdk_call.startswith("with_")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_tail_of_the_log_is_there_and_bounded(name: str, tmp_path: Path) -> None:
    failure, _ = captured.replay(name, tmp_path)
    assert 1 <= len(failure.log_tail) <= 40


def test_the_tail_is_that_of_the_failing_step(tmp_path: Path) -> None:
    failure, _ = captured.replay("command-exit", tmp_path)
    assert failure.log_tail == ("about to fail",)


def test_the_line_of_the_dockerfile_is_known_without_buildkits_excerpt(tmp_path: Path) -> None:
    assert b"\nDockerfile:12\n" in captured.load("command-exit")[2]
    _, ended = captured.replay("command-exit", tmp_path, without=b"Dockerfile:")
    assert ended.line == 12


def test_what_a_build_backend_prints_is_not_taken_for_uvs_words() -> None:
    output = (
        "error: Failed to build `evil==1`",
        "  cause: The build backend returned an error",
        "         error: No solution found when resolving dependencies",
        "         HTTP status client error (404 Not Found) for url (https://x.example/y)",
    )
    verdict = uv.read(output, 1)
    assert verdict and (verdict.code, "evil==1" in verdict.message) == ("COMMAND_FAILED", True)


def test_older_releases_of_uv_are_understood() -> None:
    output = (
        "Using Python 3.12.7 environment at: /opt/venv",
        "  \u00d7 No solution found when resolving dependencies:",
        "  ╰─▶ Because there is no version of six==99 and you require six==99, we can",
        "      conclude that your requirements are unsatisfiable.",
    )
    verdict = uv.read(output, 1)
    assert verdict == Verdict("PACKAGE_NOT_FOUND", "the package index has no version six==99", "")


@pytest.mark.parametrize(
    ("causes", "code", "named"),
    [
        (
            "Because a==1 depends on c<2 and b==1 depends on c>=2, we can conclude that a==1 and b==1 are "
            "incompatible. And because you require a==1 and b==1, we can conclude that your requirements are "
            "unsatisfiable.",
            "PIP_RESOLUTION_CONFLICT",
            "a==1 depends on c<2, and b==1 on c>=2",
        ),
        (
            "Because there are no versions of a>2 and a==2 depends on b<1, we can conclude that a>=2 depends on "
            "b<1. And because you require a>=2 and b>1, we can conclude that your requirements are unsatisfiable.",
            "PIP_RESOLUTION_CONFLICT",
            "a==2 depends on b<1",
        ),
        ("something that was never seen", "PIP_RESOLUTION_CONFLICT", "never seen"),
        (
            "Because pkg[extra] was not found in the package registry and you require pkg[extra], we can "
            "conclude that your requirements are unsatisfiable.",
            "PACKAGE_NOT_FOUND",
            "pkg[extra]",
        ),
    ],
)
def test_a_resolution_is_told_in_one_sentence(causes: str, code: str, named: str) -> None:
    verdict = resolution.read(causes, "")
    assert verdict.code == code
    assert named in verdict.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cause: HTTP status client error (403 Forbidden) for url (https://index.example/six)", "PACKAGE_NOT_FOUND"),
        (
            "cause: HTTP status server error (503 Service Unavailable) for url (https://i.example/)",
            "NETWORK_UNREACHABLE",
        ),
        ("cause: invalid peer certificate: UnknownIssuer", "NETWORK_UNREACHABLE"),
        ("cause: No space left on device (os error 28)", "DISK_FULL"),
    ],
)
def test_uv_and_the_network(text: str, code: str) -> None:
    verdict = uv.read(("error: Failed to fetch: https://index.example/six", f"  {text}"), 2)
    assert verdict and verdict.code == code


@pytest.mark.parametrize(
    ("output", "hinted"),
    [
        (("exec /bin/sh: exec format error",), True),
        (("exec /opt/a tool: exec format error",), True),
        (("it begins", "exec /bin/sh: exec format error"), False),
        (("bash: line 1: ./tool: cannot execute binary file: Exec format error",), False),
        ((), False),
    ],
)
def test_a_program_that_does_not_start_leads_to_emulation_and_stays_a_failed_command(
    output: tuple[str, ...], hinted: bool
) -> None:
    """The builder writes that line where the command would write, so it can only be a hint."""
    verdict = command.read(output, 1, "/uv --version")
    assert verdict.code == "COMMAND_FAILED" and verdict.message == "the command `/uv --version` ended with exit code 1"
    assert ("binfmt" in verdict.advice) is hinted


def test_a_certificate_that_is_not_trusted_leads_to_the_setting() -> None:
    verdict = uv.read(("error: Request failed", "  cause: invalid peer certificate: UnknownIssuer"), 2)
    assert verdict and "caBundle" in verdict.advice


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Error: poetry.lock is not up to date with pyproject.toml. Run `poetry lock`.", "LOCK_OUTDATED"),
        ("  Unable to find installation candidates for torch (2.9.1)", "PACKAGE_NOT_FOUND"),
        (
            "Because demo depends on six (>=99) which doesn't match any versions, version solving failed.",
            "PACKAGE_NOT_FOUND",
        ),
        ("Because a depends on b (1) and c depends on b (2), version solving failed.", "PIP_RESOLUTION_CONFLICT"),
        ("All attempts to connect to index.example failed.", "NETWORK_UNREACHABLE"),
    ],
)
def test_poetry(line: str, code: str) -> None:
    verdict = poetry.read(("Installing dependencies from lock file", "", line), 1)
    assert verdict and verdict.code == code


def test_the_step_that_installs_poetry_is_read_as_uvs() -> None:
    verdict = poetry.read(("error: Request failed after 3 retries", "  cause: dns error"), 2)
    assert verdict and verdict.code == "NETWORK_UNREACHABLE"


def test_apt_conflicts_name_the_package() -> None:
    output = (
        "The following packages have unmet dependencies:",
        " libfoo-dev : Depends: libfoo1 (= 1.2) but 1.3 is to be installed",
        "E: Unable to correct problems, you have held broken packages.",
    )
    verdict = apt.read(output, 100)
    assert verdict and verdict.code == "COMMAND_FAILED" and "libfoo-dev" in verdict.message


@pytest.mark.parametrize("code", [None, 0, 3, 137])
def test_exit_codes_come_out_of_buildkits_error(code: int | None) -> None:
    error = f'process "/bin/sh -c x" did not complete successfully: exit code: {code}' if code is not None else "other"
    assert command.exit_code(error) == code


@pytest.mark.parametrize(
    ("error", "exit_code", "code"),
    [
        ("docker: 'buildx' is not a docker command.", 1, "DATAPLANE_UNAVAILABLE"),
        ("unknown flag: --progress Usage:  docker [OPTIONS] COMMAND", 125, "DATAPLANE_UNAVAILABLE"),
        ("could not connect to unix:///run/buildkit/buildkitd.sock after 5s", 1, "DATAPLANE_UNAVAILABLE"),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", 1, "BUILDER_LOST"),
        ("granting entitlement network.host is not allowed by build daemon configuration", 1, "DATAPLANE_UNAVAILABLE"),
        ("failed to receive status: closing transport due to: connection error", 1, "BUILDER_LOST"),
        ('Unavailable: connection error: desc = "error while dialing: only one connection allowed"', 1, "BUILDER_LOST"),
        ("", -9, "BUILDER_LOST"),
        ("failed to solve: write /x: no space left on device", 1, "DISK_FULL"),
        ("failed to solve: base name (${X}) should not be blank", 1, "INVALID_DOCKERFILE"),
        ("something never seen", 1, "INTERNAL"),
        ("", 1, "INTERNAL"),
    ],
)
def test_errors_that_belong_to_no_step(error: str, exit_code: int, code: str) -> None:
    ended = Ended(exit_code=exit_code, vertex="", step=None, error=error, line=None, output=(), text=())
    job = jobs.make()
    assert explain(ended, job, Instructions(job)).code == code


LISTING = "listing workers for Build: failed to list workers: Unavailable: connection error: desc = "


@pytest.mark.parametrize(
    ("error", "words", "certificates"),
    [
        ('"error reading server preface: EOF"', "error reading server preface: EOF", True),
        (
            '"error reading server preface: remote error: tls: unknown certificate authority"',
            "tls: unknown certificate authority",
            True,
        ),
        (
            '"transport: authentication handshake failed: tls: failed to verify certificate: x509: cannot validate '
            "certificate for 127.0.0.1 because it doesn't contain any IP SANs\"",
            "doesn't contain any IP SANs",
            True,
        ),
        (
            '"transport: Error while dialing: dial tcp 127.0.0.1:1235: connect: connection refused"',
            "127.0.0.1:1235: connect: connection refused",
            False,
        ),
    ],
)
def test_a_buildkitd_that_was_never_reached(error: str, words: str, certificates: bool) -> None:
    """The messages of buildctl (August 2026) for a buildkitd with mutual TLS, and for none."""
    ended = Ended(exit_code=1, vertex="", step=None, error=LISTING + error, line=None, output=(), text=())
    job = jobs.make()
    failure = explain(ended, job, Instructions(job))
    assert failure.code == "DATAPLANE_UNAVAILABLE" and failure.message.endswith(words)
    assert ("certificates" in failure.advice) is certificates


@pytest.mark.parametrize(
    ("vertex", "error", "code"),
    [
        (
            "[internal] load metadata for x.example/a:1",
            "x.example/a:1: no match for platform in manifest",
            "BASE_IMAGE_NOT_FOUND",
        ),
        (
            "[internal] load metadata for docker.io/library/nope:1",
            "pull access denied, repository does not exist or may require authorization: server message: "
            "insufficient_scope: authorization failed",
            "BASE_IMAGE_DENIED",
        ),
        (
            "[internal] load metadata for docker.io/library/python:3",
            "unexpected status from HEAD request to https://r.example/: 429 Too Many Requests",
            "REGISTRY_UNAVAILABLE",
        ),
        (
            "[internal] load metadata for x.example/a:1",
            'failed to do request: Head "https://x.example/v2/": http: server gave HTTP response to HTTPS client',
            "REGISTRY_UNAVAILABLE",
        ),
        (
            "[1/3] FROM x.example/a:1@sha256:0",
            "unexpected status from GET request: 503 Service Unavailable",
            "REGISTRY_UNAVAILABLE",
        ),
        ("[internal] load metadata for uv.example/uv:1", "uv.example/uv:1: not found", "DATAPLANE_UNAVAILABLE"),
        (
            "exporting to image",
            "failed to push x: server message: insufficient_scope: authorization failed",
            "PUSH_DENIED",
        ),
        ("exporting to image", "failed to push x: name unknown: The repository does not exist", "PUSH_DENIED"),
        (
            "exporting to image",
            "failed to push x: unexpected status: 500 Internal Server Error",
            "REGISTRY_UNAVAILABLE",
        ),
        (
            "exporting to image",
            "failed to push x: tag invalid: The image tag 'a' already exists in the 'b' repository and cannot be "
            "overwritten because the tag is immutable.",
            "TAG_IMMUTABLE",
        ),
        (
            "exporting to image",
            "failed to push x: unexpected status from PUT request to https://x/v2/y/manifests/tag: 400 Bad Request",
            "TAG_IMMUTABLE",
        ),
        (
            "exporting to image",
            "failed to push x: unexpected status from PUT request to https://x/v2/y/manifests/sha256:0: 400 Bad",
            "REGISTRY_UNAVAILABLE",
        ),
        ("exporting to image", "failed to copy: write /x: no space left on device", "DISK_FULL"),
        ("pushing x.example/a:1 with docker", "denied: requested access to the resource is denied", "PUSH_DENIED"),
    ],
)
def test_pulls_and_pushes(vertex: str, error: str, code: str) -> None:
    ended = Ended(exit_code=1, vertex=vertex, step=parse_step(vertex), error=error, line=1, output=(), text=())
    job = jobs.make(uv=Uv(image="uv.example/uv:1"))
    assert explain(ended, job, Instructions(job)).code == code


def test_a_kill_for_memory_that_buildkit_itself_reports() -> None:
    error = 'process "/bin/sh -c x" did not complete successfully: cannot allocate memory'
    assert command.exit_code(error) == 137


@pytest.mark.parametrize(
    "command",
    [
        "test -d /nope || { echo 'is there no space left on device?'; exit 1; }",
        'pip config list | grep x || (echo check: failed to compute cache key "/data": not found; exit 2)',
        'make || (echo "hint: dockerfile parse error on line 3: x"; exit 2)',
        "echo failed to push; false",
        "echo 'unset ssh forward key'; false",
    ],
)
@pytest.mark.parametrize("users", [True, False])
def test_words_in_the_command_that_buildkit_quotes_decide_nothing(command: str, users: bool) -> None:
    job = jobs.make(dockerfile=f"FROM a\nRUN {command}\n") if users else jobs.make([{"commands": {"cmd": [command]}}])
    line = 2 if users else job.layers[0].first_line
    ended = Ended(
        exit_code=1,
        vertex=f"[2/2] RUN {command}",
        step=StepName(2, 2, "", f"RUN {command}"),
        error=f"process {json.dumps('/bin/sh -c ' + command)} did not complete successfully: exit code: 2",
        line=line,
        output=("nothing of note",),
        text=(),
    )
    failure = explain(ended, job, Instructions(job))
    assert failure.code == "COMMAND_FAILED" and "exit code 2" in failure.message
    assert failure.message.startswith("line 2 of the Dockerfile: ") is users
