"""Measures the planning of an image of a large folder, compared with `tar -cz` and `git status` on the same files."""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import report
from tests.bench.measure import timed

FILES: Final = 40_000
_FOLDERS: Final = 400
_LARGEST: Final = 4_000


def measure(runs: int, console: Console) -> str:
    with _large_folder() as (folder, cache):
        sides = _sides(folder, cache)
        times: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(runs):
            console.print(f"run {number + 1} of {runs}")
            for name, run in sides.items():
                times[name].append(timed(run))
    return table(times, runs)


def table(times: dict[str, list[float]], runs: int) -> str:
    lines = [
        report.when(runs),
        "",
        f"A folder of {FILES:,} files of up to {_LARGEST:,} bytes in {_FOLDERS} folders, in turns, medians. `boatyard",
        "plan --offline` of a Dockerfile that copies all of it is a process of its own: its start, the scan, the trees",
        "and the key. A cached `boatyard build` does the same and asks a server.",
        "",
        "| | median | all runs |",
        "|---|---|---|",
    ]
    for name, found in times.items():
        lines.append(f"| {name} | {report.seconds(statistics.median(found))} | {report.each(tuple(found))} |")
    return "\n".join(lines)


def _sides(folder: Path, cache: Path) -> dict[str, Callable[[], object]]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    plan = [sys.executable, "-m", "boatyard_client", "plan", "--offline", "--json", str(folder / "Dockerfile")]

    def run(command: list[str]) -> None:
        subprocess.run(command, env=environment, cwd=folder.parent, stdout=subprocess.DEVNULL, check=True)

    def first() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        run(plan)

    return {
        "`boatyard plan`, first": first,
        "`boatyard plan`, again": lambda: run(plan),
        "`git status`": lambda: run(["git", "-C", str(folder), "status", "--porcelain"]),
        "`tar -cz`": lambda: run(["tar", "-cz", "-C", str(folder), "-f", str(folder.parent / "out.tgz"), "."]),
    }


@contextmanager
def _large_folder() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="boatyard-bench-") as name:
        folder = Path(name) / "src"
        content = random.Random(1).randbytes  # noqa: S311 - not for secrecy
        for number in range(_FOLDERS):
            inner = folder / f"package{number // 20}" / f"module{number}"
            inner.mkdir(parents=True)
            for file in range(FILES // _FOLDERS):
                size = 200 + (number * 131 + file * 37) % (_LARGEST - 200)
                (inner / f"file{file}.py").write_bytes(content(size))
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (folder / ".dockerignore").write_text(".git\n**/__pycache__\n*.log\n")
        git = [
            "git",
            "-C",
            str(folder),
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@example.com",
            "-c",
            "gc.auto=0",
        ]
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "files"]):
            subprocess.run([*git, *command], check=True, stdout=subprocess.DEVNULL)
        yield folder, Path(name) / "cache"
