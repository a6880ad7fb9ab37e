"""Measures the first answer of a new function instance, compared with a minimal function that asks a registry."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Console

from tests.aws import cold_start as aws
from tests.azure import cold_start as azure
from tests.bench import report
from tests.gcp import cold_start as gcp

PARTS = {
    "start of the runtime (init)": "init",
    "first answer, the start included": "first",
    "second answer": "warm",
}
CPU = {"CPU of the process until the first answer": "cpu"}
ON_LAMBDA = """\
Both in Lambda's own runtime emulator, from nothing, in turns: Boatyard's bundle answering
`POST /v1/builds` with an image that ECR has, and a handler that is nothing but `boto3.client("ecr")` and one
`describe_images`, both over AWS on loopback. Medians; the ratio says how many times as long Boatyard takes.
Whether the SDK of Lambda's runtime has byte code is not known here, so both are measured; the bundle brings its own
([decision 0030](decisions/0030-first-answer.md))."""
ON_CLOUD_RUN = """\
Both as processes of functions-framework, from nothing, in turns: Boatyard's bundle answering `POST /v1/builds` with an
image that the registry has, and a function that is nothing but google-auth and one request for the image's manifest,
both over a registry and a metadata server on loopback. Medians; the ratio says how many times as long Boatyard
takes."""

ON_AZURE = """\
Both as processes of the library of Azure's Python worker, from nothing, in turns: Boatyard's bundle answering
`POST /v1/builds` with an image that the registry has, and a function that is nothing but azure-identity, requests and
one request for the image's manifest, both over a registry and an identity endpoint on loopback. Medians; the ratio says
how many times as long Boatyard takes."""


class Starts(Protocol):
    @property
    def bare(self) -> Sequence[object]: ...

    @property
    def ours(self) -> Sequence[object]: ...

    def ratio(self, part: str) -> float: ...

    def median(self, side: str, part: str) -> float: ...


def measure_lambda(runs: int, console: Console) -> str:
    compiled = table(aws.compare(runs), runs, f"{ON_LAMBDA}\n\nWith byte code of the SDK:", {**PARTS, **CPU})
    without = rows(aws.compare(runs, sdk_is_compiled=False), {**PARTS, **CPU})
    return "\n".join([compiled, "", "Without byte code of the SDK:", "", *without])


def measure_cloud_run(runs: int, console: Console) -> str:
    return table(gcp.compare(runs), runs, ON_CLOUD_RUN)


def measure_azure(runs: int, console: Console) -> str:
    return table(azure.compare(runs), runs, ON_AZURE)


def table(starts: Starts, runs: int, how: str, parts: Mapping[str, str] = PARTS) -> str:
    return "\n".join([report.when(runs), "", how, "", *rows(starts, parts)])


def rows(starts: Starts, parts: Mapping[str, str]) -> list[str]:
    lines = [
        "| | bare handler | Boatyard | ratio | all runs: bare · Boatyard |",
        "|---|---|---|---|---|",
    ]
    for words, part in parts.items():
        bare, ours = (tuple(getattr(start, part) for start in side) for side in (starts.bare, starts.ours))
        row = (report.seconds(starts.median("bare", part)), report.seconds(starts.median("ours", part)))
        each = f"{report.each(bare)} · {report.each(ours)}"
        lines.append(f"| {words} | {row[0]} | {row[1]} | {starts.ratio(part):.2f} | {each} |")
    return lines
