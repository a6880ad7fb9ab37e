"""docs/benchmarks.md: sections with headings, each of which can be measured and written separately."""

import datetime
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.bench.measure import Row
from tests.bench.sides import machine

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
_TITLE = """\
# Benchmarks

Written by `make bench`; `make bench ONLY=cold-start` measures one section and leaves the others as they are. Machines
are noisy: read the ratio, not the seconds.
"""


def merged(page: str, measured: Mapping[str, str], headings: Iterable[str]) -> str:
    """The page with its old sections replaced by new ones, in the order of `headings`."""
    _, *parts = re.split(r"(?m)^## (.+)$", page)
    there = dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True)) | dict(measured)
    sections = (f"## {heading}\n\n{there[heading]}\n" for heading in headings if heading in there)
    return "\n".join([_TITLE, *sections])


def when(runs: int = 0) -> str:
    rows = f"{runs} runs a row, " if runs else ""
    return f"{rows}{machine()}, {datetime.date.today().isoformat()}."


def comparison(rows: list[Row], runs: int) -> str:
    lines = [
        when(runs),
        "",
        "Each row builds the same image with Boatyard and with the Dockerfile that flyte's own Docker builder",
        "generates, on the same BuildKit and registry, in turns. Medians; the ratio says how many times as fast",
        "Boatyard is.",
        "",
        "| | flyte's Docker builder | Boatyard | ratio | all runs: flyte · Boatyard |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        own, ours = row.medians
        both = f"{each(row.own)} · {each(row.ours)}"
        lines.append(f"| {row.what} | {seconds(own)} | {seconds(ours)} | {row.ratio:.2f} | {both} |")
    slower = [row.what for row in rows if row.ratio < 1]
    return "\n".join([*lines, "", f"Slower than flyte's builder: {', '.join(slower) if slower else 'in no row'}."])


def facts(found: list[tuple[str, str]]) -> str:
    return "\n".join([when(), "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in found)])


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def each(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3f}" if value < 0.1 else f"{value:.2f}" for value in values)
