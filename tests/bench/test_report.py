"""The page of benchmarks can be written one section at a time."""

from tests.aws.cold_start import ColdStarts, Start
from tests.bench import report
from tests.bench.__main__ import SECTIONS
from tests.bench.cold_start import ON_LAMBDA, table

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
