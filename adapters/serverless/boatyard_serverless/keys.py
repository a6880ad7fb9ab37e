"""Object keys. Terraform's lifecycle rules and permissions use the same prefixes.

contexts/<sha256>.tar.gz                 archives, by the hash of their contents
jobs/<tag>/<attempt, 6 digits>/record    the build's record; created once, which is the lock
jobs/<tag>/<attempt>/started, progress, result   documents that the job writes
jobs/<tag>/<attempt>/inline              the state of a build that a function carries out itself
logs/inline/<tag>/<attempt>/<part>       the log of such a build
builds/<newest first>.<build id>         empty: sorts all builds
builds/of/<project>.<domain>/<newest first>.<build id>   empty: sorts one project's builds
open/<project>.<domain>.<build id>       empty: builds whose end has not been observed
specs/<project>/<domain>/<name>.json     orders that users drop
results/<project>/<domain>/<name>.json   the results of specs/…
bases/built/<base>/<order>.json          orders by their base image
bases/pins.json                          base image -> digest that builds use
drift/<day>.json                         the daily report
code/builder.zip                         the program of the cloud's build service, uploaded by Terraform
deployment-key                           on Azure: which version of the secret is the deployment's key
"""

import hashlib
import re
from typing import Final

from boatyard.build import BuildId
from boatyard.context import Context, check_archive
from boatyard.errors import invalid
from boatyard.reference import Reference

CONTEXTS: Final = "contexts/"
JOBS: Final = "jobs/"
INLINE_LOGS: Final = "logs/inline/"
BUILDS: Final = "builds/"
BUILDS_OF: Final = "builds/of/"
OPEN: Final = "open/"
SPECS: Final = "specs/"
RESULTS: Final = "results/"
BUILT: Final = "bases/built/"
PINS: Final = "bases/pins.json"
DRIFT: Final = "drift/"

_BUILT: Final = re.compile(r"[0-9a-f]{32}/[0-9a-f]{32}\Z")
_SPEC: Final = re.compile(r"specs/([^/]+)/([^/]+)/([^/]+)\.json\Z")


def context(sha256: str) -> str:
    """Raises INVALID_SPEC for a malformed digest."""
    check_archive(Context(sha256=sha256, size=1))
    return f"{CONTEXTS}{sha256}.tar.gz"


def attempts(tag: str) -> str:
    """The folder of a tag's builds."""
    return f"{JOBS}{tag}/"


def attempt(tag: str, number: int) -> str:
    """The folder of one build, with a trailing slash."""
    return f"{attempts(tag)}{number:06d}/"


def build_folder(build_id: str) -> str | None:
    """The folder of a build id; None for a malformed id."""
    parsed = BuildId.parse(build_id)
    return attempt(parsed.tag, parsed.attempt) if parsed else None


def inline_log(build_id: str) -> str:
    """The folder of the log of a build that a function carries out itself. Raises INVALID_SPEC for a malformed id."""
    folder = build_folder(build_id)
    if folder is None:
        raise invalid(f"{build_id!r} is not the id of a build")
    return INLINE_LOGS + folder.removeprefix(JOBS)


def scope_name(project: str, domain: str) -> str:
    """A project and domain as one part of a key. Both are DNS labels, so the dot ends the first."""
    return f"{project}.{domain}"


def builds_of(project: str, domain: str) -> str:
    """The folder that sorts one project's builds."""
    return f"{BUILDS_OF}{scope_name(project, domain)}/"


def opened(project: str, domain: str, build_id: str) -> str:
    return f"{OPEN}{scope_name(project, domain)}.{build_id}"


def open_parts(key: str) -> tuple[str, str, str] | None:
    """Project, domain and build id of an open build."""
    parts = key.removeprefix(OPEN).split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def built_on(base: Reference) -> str:
    """The folder of the orders on a base. It is hashed because a reference contains slashes and colons."""
    return f"{BUILT}{hashlib.sha256(str(base).encode()).hexdigest()[:32]}/"


def built(base: Reference, order: str) -> str:
    """The key of one order, named by 32 hex digits."""
    return f"{built_on(base)}{order}.json"


def built_name(key: str) -> str | None:
    """The order's name, which is the last two parts of its key; None for any other key."""
    name = key.removeprefix(BUILT).removesuffix(".json")
    return name if key == f"{BUILT}{name}.json" and _BUILT.match(name) else None


def built_named(name: str) -> str:
    """The key of an order's name. Names arrive in messages, so a malformed one raises INVALID_SPEC."""
    if not _BUILT.match(name):
        raise invalid(f"{name!r} is not the name of an order")
    return f"{BUILT}{name}.json"


def spec_parts(key: str) -> tuple[str, str, str] | None:
    """Project, domain and name of a dropped spec."""
    found = _SPEC.match(key)
    return (found[1], found[2], found[3]) if found else None


def result_of(spec_key: str) -> str:
    return RESULTS + spec_key.removeprefix(SPECS)
