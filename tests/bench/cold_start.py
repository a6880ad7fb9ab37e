"""Measures the first answer of a new function instance, compared with a minimal function that asks a registry."""

from collections.abc import Sequence
from typing import Protocol

from rich.console import Console

from tests.aws import cold_start as aws
from tests.bench import report
from tests.gcp import cold_start as gcp

PARTS = {
    "start of the runtime (init)": "init",
    "first answer, the start included": "first",
    "second answer": "warm",
}
ON_LAMBDA = """\
Both in Lambda's own runtime emulator, from nothing, in turns: Boatyard's bundle answering
`POST /v1/builds` with an image that ECR has, and a handler that is nothing but `boto3.client("ecr")` and one
`describe_images`, both over AWS on loopback. Medians; the ratio says how many times as long Boatyard takes."""
ON_CLOUD_RUN = """\
Both as processes of functions-framework, from nothing, in turns: Boatyard's bundle answering `POST /v1/builds` with an
image that the registry has, and a function that is nothing but google-auth and one request for the image's manifest,
both over a registry and a metadata server on loopback. Medians; the ratio says how many times as long Boatyard
takes."""


class Starts(Protocol):
    @property
    def bare(self) -> Sequence[object]: ...

    @property
    def ours(self) -> Sequence[object]: ...

    def ratio(self, part: str) -> float: ...

    def median(self, side: str, part: str) -> float: ...


def measure_lambda(runs: int, console: Console) -> str:
    return table(aws.compare(runs), runs, ON_LAMBDA)


def measure_cloud_run(runs: int, console: Console) -> str:
    return table(gcp.compare(runs), runs, ON_CLOUD_RUN)


def table(starts: Starts, runs: int, how: str) -> str:
    lines = [
        report.when(runs),
        "",
        how,
        "",
        "| | bare handler | Boatyard | ratio | all runs: bare · Boatyard |",
        "|---|---|---|---|---|",
    ]
    for words, part in PARTS.items():
        bare, ours = (tuple(getattr(start, part) for start in side) for side in (starts.bare, starts.ours))
        row = (report.seconds(starts.median("bare", part)), report.seconds(starts.median("ours", part)))
        each = f"{report.each(bare)} · {report.each(ours)}"
        lines.append(f"| {words} | {row[0]} | {row[1]} | {starts.ratio(part):.2f} | {each} |")
    return "\n".join(lines)
