"""The complete list of differences between Boatyard's image and that of flyte's own Docker builder.

docs/layers.md explains the reasons; a test checks that it has a row for each name below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.flyte.probe import Inside


@dataclass(frozen=True)
class Allowed:
    name: str
    """As in docs/layers.md."""
    files: str
    """Paths that may differ; a regular expression over the whole path."""
    only: str = "any"
    """`own`: they may be missing in ours, and nothing else."""


ALLOWED = (
    Allowed("uv's notes", r"/root/\.cache(/uv(/.*)?)?", "own"),
    Allowed("apt's lists", r"/var/lib/apt/lists/.*"),
    Allowed("logs", r"/var/log/(apt(/.*)?|dpkg\.log|alternatives\.log)|/var/cache/ldconfig/aux-cache", "own"),
    Allowed("dates of accounts", r"/etc/shadow"),
    Allowed("byte code", r"/opt/venv/.*\.pyc"),
    Allowed("where a project was", r"/opt/venv/.*\.dist-info/(direct_url\.json|RECORD|uv_cache\.json)"),
    Allowed(
        "editable dependencies", r"/opt/venv/lib/python3\.11/site-packages/by_(lib|beside)([-/.].*)?|/srv/work/uv.lock"
    ),
    Allowed("Poetry's project", r"/opt/venv/lib/python3\.11/site-packages/by_poetry.*"),
    Allowed("names of lock files", r"/tmp/uv-[0-9a-f]+\.lock"),
)


OF_MAKERS = (
    *(rule for rule in ALLOWED if rule.name in ("apt's lists", "dates of accounts")),
    Allowed(
        "times of local projects and wheels",
        r"/opt/venv/.*/by_(app|beside|lib|other|poetry|wheel)-[^/]*\.dist-info/(RECORD|uv_cache\.json)",
    ),
)
"""Two images of Boatyard differ in less: in what no two builds of the same image have in common."""


def of_files(own: Inside, ours: Inside, allowed: tuple[Allowed, ...] = ALLOWED) -> Iterator[str]:
    """The differences that are not allowed, one per line."""
    for path in sorted(own.files.keys() | ours.files.keys()):
        was, now = own.files.get(path), ours.files.get(path)
        if was != now and not any(_covers(rule, path, now is None) for rule in allowed):
            yield f"{path}: {was} and {now}"


def _covers(rule: Allowed, path: str, missing: bool) -> bool:
    return re.fullmatch(rule.files, path) is not None and (rule.only == "any" or missing)
