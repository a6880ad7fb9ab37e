"""The rows as a table for people, on the screen and in docs/benchmarks.md."""

from pathlib import Path

from tests.bench.measure import Row

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"


def markdown(rows: list[Row], facts: list[tuple[str, str]], *, runs: int, machine: str, date: str) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each row builds the same image with Boatyard and with the Dockerfile that",
        "flyte's own Docker builder generates, on the same BuildKit and registry, in turns. Medians; the ratio says",
        "how many times as fast Boatyard is. Machines are noisy: read the ratio, not the seconds.",
        "",
        f"{runs} runs a row, {machine}, {date}.",
        "",
        "| | flyte's Docker builder | Boatyard | ratio | all runs: flyte · Boatyard |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        own, ours = row.medians
        each = f"{_all(row.own)} · {_all(row.ours)}"
        lines.append(f"| {row.what} | {_seconds(own)} | {_seconds(ours)} | {row.ratio:.2f} | {each} |")
    lines += ["", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)]
    slower = [row.what for row in rows if row.ratio < 1]
    lines += ["", f"Slower than flyte's builder: {', '.join(slower) if slower else 'in no row'}.", ""]
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def _all(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3f}" if value < 0.1 else f"{value:.2f}" for value in values)
