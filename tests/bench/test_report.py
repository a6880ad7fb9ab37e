"""The page of benchmarks can be written one section at a time."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.aws.cold_start import ColdStarts, Start
from tests.bench import chart, layers, report
from tests.bench.__main__ import SECTIONS
from tests.bench.cold_start import ON_LAMBDA, table
from tests.bench.measure import Row
from tests.bench.wheels import make_wheel

HEADINGS = [heading for heading, _ in SECTIONS.values()]


def test_a_section_takes_the_place_of_its_old_self_and_leaves_the_others() -> None:
    last = HEADINGS[-1]
    first = report.merged("", {HEADINGS[0]: "old | table", **dict.fromkeys(HEADINGS[1:-1], "facts")}, HEADINGS)
    assert first.startswith("# Benchmarks\n") and last not in first
    second = report.merged(first, {last: "starts", HEADINGS[0]: "new"}, HEADINGS)
    assert [line for line in second.splitlines() if line.startswith("## ")] == [f"## {name}" for name in HEADINGS]
    assert "old |" not in second and "new" in second and "facts" in second and second.endswith("starts\n")
    assert report.merged(second, {}, HEADINGS) == second, "it is stable"


def test_the_published_page_is_one_that_can_be_merged() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.merged(page, {}, HEADINGS) == page


def test_cold_starts_are_told_by_their_medians_and_ratios() -> None:
    bare = tuple(Start(init=each, first=2 * each, warm=0.01, cpu=each) for each in (0.2, 0.3, 0.9))
    ours = tuple(Start(init=each, first=3 * each, warm=0.02, cpu=each) for each in (0.1, 0.3, 0.2))
    rows = [line for line in table(ColdStarts(bare, ours), 3, ON_LAMBDA).splitlines() if line.startswith("| ")]
    assert "| 0.30 s | 0.20 s | 0.67 |" in rows[1]
    assert "| 0.60 s | 0.60 s | 1.00 | 0.40 0.60 1.80 · 0.30 0.90 0.60 |" in rows[2]
    assert "| 10.0 ms | 20.0 ms | 2.00 |" in rows[3]


def test_a_changed_image_is_stated_as_a_share_of_the_other_builders_time() -> None:
    row = Row(what="one added", own=(10.0, 20.0, 30.0), ours=(1.0, 2.0, 9.0))
    lines = layers.table([layers.Compared(row, 0.2), layers.Stated("layers", "31", "40")], 3).splitlines()
    assert lines[-2].startswith("| one added | 20.00 s | 2.00 s | 0.10 | 0.20 | 10.00 20.00 30.00 · 1.00 2.00 9.00 |")
    assert lines[-1] == "| layers | | 31 | | 40 | |"


def test_the_chart_has_a_bar_for_each_side_as_long_as_its_median() -> None:
    rows = [Row(what="a < b & c", own=(40.0,), ours=(10.0,)), Row(what="cold", own=(20.0,), ours=(20.0,))]
    text = chart.plot(rows, "how")
    image = ElementTree.fromstring(text)  # noqa: S314 - our own
    bars = [float(each.get("width", "0")) for each in image.findall("{*}rect") if each.get("height") == "13"]
    assert [bar / bars[0] for bar in bars] == pytest.approx([1, 0.25, 0.5, 0.5], rel=0.01)
    words = [each.text for each in image.findall("{*}text")]
    assert {"a < b & c", "cold", "40.00 s", "10.00 s", "how"} <= set(words)
    assert chart.plot(rows, "how") == text


def test_a_made_wheel_is_one_that_installs(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "bench-small", "1.0", 0.2)
    assert 50_000 < wheel.stat().st_size < 200_000
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--target",
        tmp_path / "in",
        wheel,
    ]
    subprocess.run([*command, "--cache-dir", tmp_path / "cache"], check=True, capture_output=True)
    assert (tmp_path / "in/bench_small/lib0.so").stat().st_size == 200_000
