"""Measures and writes docs/benchmarks.md: `make bench`, or one section with `make bench ONLY=cold-start`."""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.markdown import Markdown

from tests.bench import answers, builds, cold_start, folders, layers, report

Measure = Callable[[int, Console], str]
SECTIONS: Final[dict[str, tuple[str, Measure]]] = {
    "builds": ("Building", builds.measure),
    "layers": ("Changing an image", layers.measure),
    "answers": ("Answering", answers.measure),
    "folders": ("Large folders", folders.measure),
    "cold-start": ("Cold start on AWS Lambda", cold_start.measure_lambda),
    "cold-start-gcp": ("Cold start on Cloud Run functions", cold_start.measure_cloud_run),
    "cold-start-azure": ("Cold start on Azure Functions", cold_start.measure_azure),
}
"""Name -> heading of the page, and what measures it."""


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--runs", type=int, default=5, help="of each row, at least 5 for a published table")
    options.add_argument(
        "--only", choices=SECTIONS, action="append", help="this section, and leave the others as they are"
    )
    options.add_argument(
        "--row", choices=layers.ROWS, action="append", help="of `layers`: print these rows, and write nothing"
    )
    options = options.parse_args()
    console = Console(stderr=True)
    if options.row:
        Console().print(Markdown(layers.measure(options.runs, console, options.row)))
        return 0
    measured = {}
    for name in options.only or SECTIONS:
        heading, measure = SECTIONS[name]
        console.print(f"{name} …")
        measured[heading] = measure(options.runs, console)
    page = report.merged(
        report.PAGE.read_text(encoding="utf-8"), measured, [heading for heading, _ in SECTIONS.values()]
    )
    report.PAGE.write_text(page, encoding="utf-8")
    Console().print(Markdown(page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
