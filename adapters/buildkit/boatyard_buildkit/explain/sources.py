"""Explains failures of ADD with a URL: files over HTTP and git repositories (BuildKit's source/http and source/git)."""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain.verdict import Verdict, sentence
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions

_ADD: Final = re.compile(r"ADD (?:--\S+ )*(?P<source>\S+)", re.IGNORECASE)
_STATUS: Final = re.compile(r"invalid response status (\d+)")
_MISMATCH: Final = re.compile(r"digest mismatch (\S+): (\S+)|checksum mismatch")
_SSH: Final = re.compile(r"unset ssh forward key|no (?:ssh|SSH) (?:key|handler)|ssh forwarding")
_UNREACHABLE: Final = re.compile(
    r"no such host|connection refused|i/o timeout|network is unreachable|no route to host|TLS handshake|x509:"
    r"|Could not resolve host|Failed to connect|Connection timed out|Connection refused|SSL certificate problem"
    r"|server certificate verification failed|connection reset|deadline exceeded"
)
_GIT: Final = re.compile(r"git error|failed to fetch remote|fetching default branch|not a valid git")
_FATAL: Final = re.compile(r"fatal: (.*)")
_HTTP_LATER: Final = frozenset({408, 425, 429})


def read(ended: Ended, instructions: Instructions) -> Verdict | None:
    found = _ADD.match(ended.step.text) if ended.step else None
    if not found:
        return None
    what = f"{instructions.place(ended.line)}ADD {_plain(found['source'])}"
    if status := _STATUS.search(ended.error):
        code = int(status[1])
        if code >= 500 or code in _HTTP_LATER:
            return Verdict(Code.NETWORK_UNREACHABLE, f"{what}: the server answers {code}", "Build again later.")
        return Verdict(Code.SOURCE_UNUSABLE, f"{what}: the server answers {code}", "Check the URL and its permissions.")
    if mismatch := _MISMATCH.search(ended.error):
        has = f": it is {mismatch[1]}" if mismatch[1] else ""
        return Verdict(
            Code.SOURCE_UNUSABLE,
            f"{what} has a checksum other than --checksum{has}",
            "Check the file, or its checksum.",
        )
    if _SSH.search(ended.error):
        return Verdict(Code.UNSUPPORTED, f"{what} needs an ssh key, and builds have no ssh agent", "Use an https URL.")
    if _UNREACHABLE.search(ended.error):
        return Verdict(Code.NETWORK_UNREACHABLE, f"{what} cannot be fetched: {_reason(ended)}")
    if _GIT.search(ended.error):
        return Verdict(
            Code.SOURCE_UNUSABLE,
            f"{what} cannot be fetched: {_reason(ended)}",
            "Check the URL, the branch or tag, and the permissions.",
        )
    return None


def _reason(ended: Ended) -> str:
    """Git's last message, or the cause at the end of a Go error."""
    fatal = [found[1] for line in (*ended.error.splitlines(), *ended.output) if (found := _FATAL.match(line.strip()))]
    if fatal:
        return sentence(fatal[-1])
    cause = _UNREACHABLE.search(ended.error)
    return cause[0] if cause else sentence(ended.error)


def _plain(url: str) -> str:
    """The URL without user, password and query."""
    head, scheme, rest = url.partition("://")
    if scheme:
        host, slash, path = rest.partition("/")
        url = f"{head}://{host.rpartition('@')[2]}{slash}{path}"
    return url.partition("?")[0]
