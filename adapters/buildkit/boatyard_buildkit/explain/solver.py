"""Recognizes BuildKit's messages about itself, the Dockerfile and the context's files."""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain import sources
from boatyard_buildkit.explain.verdict import Verdict, sentence
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions

_NO_SPACE: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MISSING_FILE: Final = re.compile(
    r"failed to (?:calculate checksum|compute cache key|walk).*?\"?/?([^\"\s:]*[^\"\s:/])\"?: not found"
    r"|lstat .*?/([^/\s:]+): no such file or directory"
)
_PARSE: Final = re.compile(r"dockerfile parse error(?: on)? line (\d+): (.*)", re.IGNORECASE | re.DOTALL)
_DOCKERFILE: Final = re.compile(
    r"no build stage in current context|file with no instructions|failed to parse|invalid reference format"
    r"|should not be blank|circular dependency|unknown flag|unknown instruction|invalid (?:mount|from flag|field)"
    r"|failed to process|stage name|not a valid|unexpected key|invalid argument|cannot be used as"
)
_NO_BUILDER: Final = re.compile(
    r"Cannot connect to the Docker daemon|connection refused|no such file or directory|failed to find driver"
    r"|no builder|connection error|context deadline exceeded|failed to list workers|could not connect to"
    r"|permission denied"
)
_NEVER_REACHED: Final = re.compile(
    r"failed to list workers: (?:Unavailable: )?(?:connection error: desc = )?(.*)", re.DOTALL
)
"""buildctl lists workers before it sends anything."""
_TLS: Final = re.compile(r"tls: |x509: |error reading server preface: EOF")
_LOST: Final = re.compile(
    r"error reading from server|transport is closing|closing transport|connection reset|broken pipe|EOF"
    r"|code = Unavailable|graceful_stop|no active session|only one connection allowed|server closed"
)
_NO_BUILDX: Final = re.compile(
    r"'buildx' is not a docker command|Usage:\s+(?:docker|buildctl)"
    r"|unknown flag: --(?:progress|metadata-file|provenance)|rawjson|flag provided but not defined"
)
_SSH: Final = re.compile(r"unset ssh forward key|no ssh handler|ssh forwarding|no SSH key", re.IGNORECASE)
_ENTITLEMENT: Final = re.compile(r"granting entitlement (\S+) is not allowed")
_FROM: Final = re.compile(r"\sCOPY .*?--from=(\S+)|--mount=\S*?\bfrom=([^\s,]+)")
_UV: Final = re.compile(r"/?uv-(\w+)$")


def read(ended: Ended, instructions: Instructions) -> Verdict | None:
    """Recognizes errors that do not depend on the step."""
    if found := _MISSING_FILE.search(ended.error):
        path = found[1] or found[2]
        if ended.step and "--from=uv" in ended.step.text and (uv := _UV.search(path)):
            return Verdict(
                Code.UNSUPPORTED, f"this deployment has no uv binary for {uv[1]}", "Set uv.image in the settings."
            )
        return _missing(path, ended, instructions)
    if _NO_SPACE.search(ended.error):
        return Verdict(Code.DISK_FULL, "BuildKit's disk is full")
    if ended.step and _SSH.search(ended.error):
        return Verdict(
            Code.UNSUPPORTED,
            f"{instructions.place(ended.line)}the step needs an ssh agent, and builds have none",
            "Use an https URL with a secret mount.",
        )
    if found := _PARSE.search(ended.error):
        return _invalid(instructions.users_line(int(found[1])), found[2])
    return sources.read(ended, instructions)


def _missing(path: str, ended: Ended, instructions: Instructions) -> Verdict:
    if ended.step and ended.step.trigger:
        return Verdict(
            Code.FILE_NOT_FOUND,
            f"an ONBUILD of the base image copies {path!r}, which is not in the context",
            "Copy it in the Dockerfile too, so that the context and the key contain it; or use another base image.",
        )
    where = instructions.place(ended.line)
    if origin := _FROM.search(f" {ended.step.text}" if ended.step else ""):
        return Verdict(
            Code.FILE_NOT_FOUND, f"{where}{path!r} is not in {origin[1] or origin[2]}", "Check the path and the stage."
        )
    advice = "Check the path, and that no .dockerignore excludes it." if where else ""
    return Verdict(Code.FILE_NOT_FOUND, f"{where}{path!r} is not among the files of the context", advice)


def _invalid(line: int | None, reason: str) -> Verdict:
    where = f"line {line} of the Dockerfile" if line else "the Dockerfile"
    advice = ""
    if "unexpected key" in reason or "unknown flag" in reason or "unknown instruction" in reason:
        advice = "Correct it, or name a frontend that supports it: `# syntax=docker/dockerfile:1` as the first line."
    return Verdict(Code.INVALID_DOCKERFILE, f"{where}: {sentence(reason)}", advice)


def never_reached(ended: Ended) -> tuple[str, bool]:
    """(why BuildKit was not reached, empty if it was; whether the TLS handshake failed)."""
    found = _NEVER_REACHED.search(ended.error or " ".join(ended.text[-3:]))
    why = sentence(found[1].strip('"')) if found else ""
    return why, bool(_TLS.search(why))


def read_rest(ended: Ended, instructions: Instructions) -> Verdict:
    """Recognizes an error that belongs to no step and no image."""
    error = ended.error or " ".join(ended.text[-3:])
    if not ended.vertex and not ended.step and _NO_BUILDX.search(error):
        return Verdict(
            Code.DATAPLANE_UNAVAILABLE,
            "the builder's docker has no buildx, or one older than 0.13",
            "Install docker-buildx 0.13 or newer, or name a folder that has it in buildkit.dockerConfig.",
        )
    if found := _ENTITLEMENT.search(error):
        return Verdict(
            Code.DATAPLANE_UNAVAILABLE,
            f"this BuildKit does not allow builds {found[1]}",
            f"Start buildkitd with --allow-insecure-entitlement={found[1]}, or leave network.mode at default.",
        )
    if not ended.vertex and _DOCKERFILE.search(error) and not _LOST.search(error):
        return _invalid(instructions.users_line(ended.line) if ended.line else None, _tail(error))
    if ended.exit_code < 0:
        return Verdict(Code.BUILDER_LOST, f"BuildKit's client was killed by signal {-ended.exit_code}")
    if found := _NEVER_REACHED.search(error):
        return _unreached(found[1].strip('"'))
    if _LOST.search(error):
        return Verdict(Code.BUILDER_LOST, f"BuildKit disconnected during the build: {sentence(_tail(error))}")
    if not ended.vertex and _NO_BUILDER.search(error):
        return Verdict(Code.DATAPLANE_UNAVAILABLE, f"BuildKit cannot be reached: {sentence(_tail(error))}")
    if ended.step and ended.exit_code > 0:
        # The builder kept working, so the step itself is at fault.
        return Verdict(
            Code.COMMAND_FAILED, f"{instructions.place(ended.line)}{sentence(_tail(error))}", "Correct the step."
        )
    if ended.line is not None:
        return _invalid(instructions.users_line(ended.line), _tail(error))
    return Verdict(Code.INTERNAL, f"BuildKit failed: {sentence(_tail(error)) or f'exit code {ended.exit_code}'}")


def _unreached(why: str) -> Verdict:
    advice = ""
    if _TLS.search(why):
        advice = (
            "Compare the certificates of builds and of buildkitd (ca.pem, cert.pem, key.pem; the host's name): "
            "they must be made together."
        )
    return Verdict(Code.DATAPLANE_UNAVAILABLE, f"BuildKit cannot be reached: {sentence(why)}", advice)


def _tail(error: str) -> str:
    return error.removeprefix("failed to solve: ")
