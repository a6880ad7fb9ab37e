"""Measures what a change of an image costs, on a warm machine and on an empty one, beside flyte's own Docker builder.

A row that cannot run here says why; the others go on. `--row NAME` measures some of them.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.bench import chart, report
from tests.bench.layer_rows import ROWS, Bench, Compared, Stated
from tests.bench.machine import machine
from tests.flyte import index


def measure(runs: int, console: Console, rows: Sequence[str] = ()) -> str:
    found: list[Compared | Stated] = []
    with (
        tempfile.TemporaryDirectory(prefix="boatyard-bench-") as wheels,
        machine() as here,
        index.serve(Path(wheels), "", alone=False) as url,
    ):
        found += _all(Bench(here, Path(wheels), url, runs), console, rows or tuple(ROWS))
    compared = [each.row for each in found if isinstance(each, Compared)]
    if compared and not rows:
        chart.CHART.write_text(chart.plot(compared, f"Medians. {report.when(runs)}"), encoding="utf-8")
    return table(found, runs)


def _all(bench: Bench, console: Console, rows: Sequence[str]) -> Iterator[Compared | Stated]:
    for name in rows:
        console.print(f"{name} …")
        began = time.monotonic()
        try:
            made = ROWS[name](bench)
        except Exception as error:
            made = Stated(name, f"does not run here: {str(error).splitlines()[0] if str(error) else error!r}", "")
        console.print(f"{table([made], bench.runs).splitlines()[-1]} ({time.monotonic() - began:.0f} s in all)")
        yield made


def table(found: Sequence[Compared | Stated], runs: int) -> str:
    """The share is Boatyard's median of flyte's: smaller is better."""
    lines = [
        report.when(runs),
        "",
        "Each row changes an image, on the same BuildKit, registry and index as flyte's own Docker builder, in turns.",
        "An empty machine has no layer in BuildKit and no file in a cache; flyte's builder then has a cache in the",
        "registry. Medians. The share is Boatyard's time of flyte's.",
        "",
        "| | flyte's Docker builder | Boatyard | share | at most | all runs: flyte · Boatyard |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        if isinstance(each, Stated):
            lines.append(f"| {each.what} | | {each.value} | | {each.wanted} | |")
            continue
        own, ours = each.row.medians
        both = f"{report.each(each.row.own)} · {report.each(each.row.ours)}"
        times = f"{report.seconds(own)} | {report.seconds(ours)} | {ours / own:.2f} | {each.at_most:.2f}"
        lines.append(f"| {each.row.what} | {times} | {both} |")
    return "\n".join(lines)
