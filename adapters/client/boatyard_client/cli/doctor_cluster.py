"""`boatyard doctor --cluster`: prints findings as they arrive, what it currently waits for, and the conclusion."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from boatyard.cluster_doctor import ClusterRequest, Diagnosis, NotExamined
from boatyard.finding import Finding
from boatyard_client.cli.findings import line, mark, show
from boatyard_client.cli.output import print_json
from boatyard_client.display.text import seconds
from boatyard_client.doctor.cluster import find_doctor
from boatyard_client.errors import ClusterError, Interrupted

_WIDTH: Final = len("privilege escalation")
_AGAIN: Final = 15.0
"""Seconds until the same message is printed again without a terminal."""


def examine_cluster(request: ClusterRequest, *, as_json: bool) -> int:
    """Returns the exit code: 0 only if builds will work."""
    doctor = find_doctor()
    try:
        with _progress(silent=as_json) as (found, waiting):
            diagnosis = doctor(request, found=found, waiting=waiting)
    except NotExamined as error:
        raise ClusterError(error.detail, advice=error.advice) from None
    except KeyboardInterrupt:
        raise Interrupted("stopped; everything that was created in the cluster is deleted") from None
    if as_json:
        print_json({"ok": diagnosis.healthy, **_fields(diagnosis)})
    else:
        _conclude(diagnosis)
    return 0 if diagnosis.healthy else 1


def _fields(diagnosis: Diagnosis) -> dict[str, object]:
    return {name: getattr(diagnosis, name) for name in diagnosis.__struct_fields__}


def _conclude(diagnosis: Diagnosis) -> None:
    click.echo()
    for prospect in diagnosis.topologies:
        name = prospect.topology + (" (chosen)" if prospect.chosen else "")
        show(Finding(check=name, status=prospect.status, detail=prospect.detail), width=_WIDTH)
    works = [prospect.topology for prospect in diagnosis.topologies if prospect.status == "ok"]
    untried = [prospect.topology for prospect in diagnosis.topologies if prospect.status == "warn"]
    sentence = {
        "ok": "Builds will work.",
        "fail": "Builds will not work.",
    }.get(diagnosis.chosen.status, "It is unknown whether builds will work.")
    click.echo()
    click.echo(f"{mark(diagnosis.chosen.status)} {sentence} Topologies that will: {', '.join(works) or 'none'}.")
    if untried:
        click.echo(f"  Not deployed or not tried, and nothing rules them out: {', '.join(untried)}.")
    if diagnosis.advice:
        click.echo(f"  First: {line(diagnosis.advice)}")


@contextmanager
def _progress(*, silent: bool) -> Iterator[tuple[Callable[[Finding], None], Callable[[str], None]]]:
    """Prints findings on standard output and the current wait on standard error, in place on a terminal."""
    if silent:
        yield (lambda finding: None), (lambda text: None)
        return
    if not sys.stderr.isatty():
        yield (lambda finding: show(finding, width=_WIDTH)), _Lines().say
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    begun = time.monotonic()
    with console.status("looking at the cluster") as status:

        def found(finding: Finding) -> None:
            # The spinner is hidden while standard output is written, because both may be the same terminal.
            status.stop()
            show(finding, width=_WIDTH)
            status.start()

        def waiting(text: str) -> None:
            from rich.text import Text

            status.update(
                Text(f"{line(text)} · {seconds(time.monotonic() - begun)}", no_wrap=True, overflow="ellipsis")
            )

        yield found, waiting


class _Lines:
    """Prints new messages immediately, and repeated ones from time to time."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._said: dict[str, float] = {}

    def say(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said.get(text, float("-inf")) >= _AGAIN:
            self._said[text] = now
            click.echo(f"{now - self._begun:6.1f} s  {line(text)}", err=True)
