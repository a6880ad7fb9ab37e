"""Recognizes uv's messages (0.5 to 0.13): a headline at the start of a line, causes and hints below it.

uv indents the output of build backends, so it cannot be confused with uv's own messages.
"""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain import command, resolution
from boatyard_buildkit.explain.verdict import Verdict

_HEADLINE: Final = re.compile(r"^(?:error: |\s{0,2}\u00d7 )(.*)$")
_HINT: Final = re.compile(r"^\s*(?:hint: |tip: )(.*)$")
_DECORATION: Final = re.compile(r"^\s*(?:cause: |[╰├]─▶ |│ ?|Caused by: )?")
_BUILD: Final = re.compile(r"Failed to (?:build|prepare) `?([^`\s]+)`?")
_LOCK: Final = re.compile(
    r"[Ll]ockfile (?:at `([^`]+)` )?needs to be updated|Unable to find lockfile(?: at `([^`]+)`)?"
    r"|Failed to parse `(\S*uv\.lock)`|lockfile.*(?:is missing|outdated)"
)
_INCOMPATIBLE: Final = re.compile(r"resolved to Python ([\d.]+), which is incompatible with .* requirement: `([^`]+)`")
_CONNECT: Final = re.compile(
    r"client error \(Connect\)|tcp connect error|dns error|Connection refused|Connection reset|timed out|timeout"
    r"|failed to lookup address|Network is unreachable|invalid peer certificate|UnknownIssuer"
    r"|self.signed certificate|certificate verify"
)
_STATUS: Final = re.compile(r"HTTP status (?:client|server) error \((\d{3}) ?([^)]*)\)")
_URL: Final = re.compile(r"https?://(?:[^/\s@)`]*@)?([^/\s)`]+)")
_QUOTED: Final = re.compile(r"^[\s│]*(?:\[std(?:out|err)\]|--- std(?:out|err))")
"""Starts uv's quote of a program that it ran."""
_GIT: Final = re.compile(r"Git operation failed|Git executable not found")
_FATAL: Final = re.compile(r"^[\s│]*(?:fatal|error): (.*)$")
_GIT_UNREACHABLE: Final = re.compile(
    r"Could not resolve host|Failed to connect|Connection (?:refused|timed out|reset)|Couldn't connect"
    r"|Network is unreachable|certificate|TLS|SSL"
)
_GIT_DENIED: Final = re.compile(
    r"could not read Username|Authentication failed|terminal prompts disabled|Permission denied|\b40[13]\b"
)
_NO_VERSION: Final = re.compile(
    r"unable to detect version|Error getting the version from source `vcs`|does not appear to be a Git (?:repo|proj)"
)
_UNVERSIONED: Final = (
    "Its version comes from git, and .git is not there: set SETUPTOOLS_SCM_PRETEND_VERSION (or its build tool's own "
    "variable) in a layer before, or write the version into pyproject.toml."
)
_REQUIRED: Final = re.compile(r"Required uv version `([^`]+)` does not match the running version `([^`]+)`")
_TLS: Final = re.compile(r"certificate|UnknownIssuer")


def read(output: tuple[str, ...], code: int) -> Verdict | None:
    if code == 127 and any("uv: not found" in line for line in output):
        return Verdict(Code.COMMAND_FAILED, "the image has no uv")
    start = next((i for i in range(len(output) - 1, -1, -1) if _HEADLINE.match(output[i])), None)
    if start is None:
        return None
    matched = _HEADLINE.match(output[start])
    headline = matched[1] if matched else ""
    below = [line for line in output[start + 1 :] if not _HINT.match(line)]
    end = next((at for at, line in enumerate(below) if _QUOTED.match(line)), len(below))
    causes = " ".join(_DECORATION.sub("", line).strip() for line in below[:end]).strip()
    hints = [hint[1] for line in output[start + 1 :] if (hint := _HINT.match(line)) and "uv self " not in line]
    if _GIT.search(f"{headline} {causes}"):
        return _git(below)
    return _of_headline(headline, causes, hints, below[end:])


def read_venv(output: tuple[str, ...], code: int) -> Verdict | None:
    """Explains a failure of the step that creates /opt/venv: the base image may lack the requested Python."""
    text = " ".join(output)
    if missing := re.search(r"No interpreter found for ([^.]+?(?:\.\d+)*) in", text):
        return Verdict(
            Code.UNSUPPORTED,
            f"the base image has no {missing[1]}, and uv may not download one",
            "Ask for the Python version that the base image has, or use another base image.",
        )
    if "python-build-standalone" in text and _CONNECT.search(text):
        return Verdict(
            Code.NETWORK_UNREACHABLE,
            f"the base image lacks the requested Python, and uv cannot download it from {_host(text)}",
            "Ask for the Python version that the base image has, or let builds reach that host.",
        )
    return read(output, code)


def _git(said: list[str]) -> Verdict | None:
    """Explains a git repository that uv cannot fetch. uv quotes git's own message below."""
    if any("Git executable not found" in line for line in said):
        return Verdict(
            Code.COMMAND_FAILED,
            "a requirement comes from git, and git is not in the image",
            'Put with_apt_packages("git") before this layer.',
        )
    fatal = [found[1] for line in said if (found := _FATAL.match(line))]
    text = " ".join(_DECORATION.sub("", line).strip() for line in said)
    host, reason = _host(text), fatal[-1] if fatal else text
    if _GIT_UNREACHABLE.search(text):
        return Verdict(Code.NETWORK_UNREACHABLE, f"git cannot reach {host}: {reason}")
    if _GIT_DENIED.search(text):
        return Verdict(
            Code.PACKAGE_NOT_FOUND,
            f"git may not read {host}: {reason}",
            "Check the URL; if the repository is private, give its password in a secret_mount.",
        )
    return Verdict(
        Code.PACKAGE_NOT_FOUND,
        f"git cannot fetch from {host}: {reason}",
        "Check the URL, and the branch, tag or commit.",
    )


def _lock_advice(path: str) -> str:
    """A script's lock is beside it, with its name: uv makes `a.py.lock` for `a.py`."""
    script = path.removesuffix(".lock")
    command = f"uv lock --script {script}" if script.endswith(".py") else "uv lock"
    return f"Run `{command}`, commit {path.rpartition('/')[2]}, then build again."


def _of_headline(headline: str, causes: str, hints: list[str], quoted: list[str]) -> Verdict | None:
    advice = f"{hints[0].rstrip('.')}." if hints else ""
    if command.is_full(f"{headline} {causes}"):
        return command.full("uv")
    if "No solution found" in headline:
        return resolution.read(causes, advice)
    if lock := _LOCK.search(headline):
        path = next(filter(None, lock.groups()), "uv.lock")
        what = "cannot be read" if "parse" in headline else "is missing" if "Unable" in headline else "is out of date"
        return Verdict(Code.LOCK_OUTDATED, f"the lock file {path} {what}", _lock_advice(path))
    if built := _BUILD.search(headline):
        return Verdict(
            Code.COMMAND_FAILED,
            f"{built[1]} has no wheel for this Python and platform, and its build from source failed",
            _UNVERSIONED
            if any(map(_NO_VERSION.search, quoted))
            else "Read the last lines for what is missing: an apt package, or a version with a wheel.",
        )
    if required := _REQUIRED.search(headline):
        return Verdict(
            Code.COMMAND_FAILED,
            f"the project requires uv {required[1]}, and the deployment's is {required[2]}",
            "Allow that version with required-version in [tool.uv]; the deployment's operator sets it with uv.image.",
        )
    if python := _INCOMPATIBLE.search(headline):
        return Verdict(
            Code.PIP_RESOLUTION_CONFLICT,
            f"the project needs Python {python[2]}, and the image has {python[1]}",
            "Build with a python_version that pyproject.toml allows.",
        )
    if found := _network(f"{headline} {causes}"):
        return found
    causes = causes.partition("Usage: ")[0].strip()
    detail = f"{headline.rstrip(':.')}: {causes}" if causes else headline
    return Verdict(Code.COMMAND_FAILED, f"uv: {detail}", advice)


def _network(text: str) -> Verdict | None:
    host = _host(text)
    if status := _STATUS.search(text):
        number = int(status[1])
        if number == 404:
            return Verdict(Code.PACKAGE_NOT_FOUND, f"{host} has no file of that name (404)")
        if number in (401, 403):
            return Verdict(
                Code.PACKAGE_NOT_FOUND,
                f"{host} refuses access to the package ({number})",
                "Check the index URL, and give its password in a secret_mount.",
            )
        return Verdict(Code.NETWORK_UNREACHABLE, f"{host} answered {number}")
    if not _CONNECT.search(text):
        return None
    if _TLS.search(text):
        return Verdict(
            Code.NETWORK_UNREACHABLE,
            f"uv does not trust the certificate of {host}",
            "Set network.caBundle in the settings to your company's CA bundle.",
        )
    return Verdict(Code.NETWORK_UNREACHABLE, f"uv cannot reach {host}")


def _host(text: str) -> str:
    found = _URL.search(text)
    return found[1] if found else "the package index"
