"""Measures the first answer of a new function instance, beside a minimal function that asks ECR."""

from rich.console import Console

from tests.aws.cold_start import ColdStarts, compare
from tests.bench import report

PARTS = {
    "start of the runtime (init)": "init",
    "first answer, the start included": "first",
    "second answer": "warm",
}


def measure(runs: int, console: Console) -> str:
    return table(compare(runs), runs)


def table(starts: ColdStarts, runs: int) -> str:
    lines = [
        report.when(runs),
        "",
        "Both in Lambda's own runtime emulator, from nothing, in turns: Boatyard's bundle answering",
        '`POST /v1/builds` with an image that ECR has, and a handler that is nothing but `boto3.client("ecr")` and one',
        "`describe_images`, both over AWS on loopback. Medians; the ratio says how many times as long Boatyard takes.",
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
