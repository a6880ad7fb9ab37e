"""Plots rows as docs/benchmarks.svg: two bars a row, as long as their medians.

It writes the SVG itself: a chart of bars is twenty lines, and a plotting library would be the largest package of the
workspace, for a file whose bytes change with its version.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.bench.measure import Row
from tests.bench.report import seconds

CHART = Path(__file__).parent.parent.parent / "docs" / "benchmarks.svg"
_WIDTH, _LEFT, _RIGHT, _TOP = 880, 330, 90, 64
_BAR, _ROW = 13, 40
_OWN, _OURS, _TEXT, _PAPER = "#9aa3ad", "#2563eb", "#1f2933", "#ffffff"


def plot(rows: Sequence[Row], below: str) -> str:
    """`below` says how it was measured."""
    height = _TOP + _ROW * len(rows) + 34
    box = f"0 0 {_WIDTH} {height}"
    image = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=box, width=str(_WIDTH), height=str(height), role="img"
    )
    image.set("font-family", "system-ui, sans-serif")
    ElementTree.SubElement(image, "title").text = "Seconds to build an image: flyte's Docker builder and Boatyard"
    _rectangle(image, 0, 0, _WIDTH, height, _PAPER)
    _text(image, 16, 26, "Seconds to build an image (shorter is better)", size=16, weight="600")
    for x, colour, name in ((_LEFT, _OWN, "flyte's Docker builder"), (_LEFT + 190, _OURS, "Boatyard")):
        _rectangle(image, x, 38, 12, 12, colour)
        _text(image, x + 18, 48, name)
    longest = max((max(row.medians) for row in rows), default=1.0)
    for number, row in enumerate(rows):
        top = _TOP + number * _ROW
        _text(image, _LEFT - 12, top + 18, row.what, anchor="end")
        for line, (value, colour) in enumerate(zip(row.medians, (_OWN, _OURS), strict=True)):
            length = max(1.0, (_WIDTH - _LEFT - _RIGHT) * value / longest)
            _rectangle(image, _LEFT, top + line * (_BAR + 2), length, _BAR, colour)
            _text(image, _LEFT + length + 6, top + line * (_BAR + 2) + 11, seconds(value), size=11)
    _text(image, 16, height - 12, below, size=11)
    ElementTree.indent(image)
    return ElementTree.tostring(image, encoding="unicode") + "\n"


def _rectangle(image: ElementTree.Element, x: float, y: float, width: float, height: float, colour: str) -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:.1f}", "height": f"{height:g}"}
    ElementTree.SubElement(image, "rect", place, fill=colour)


def _text(
    image: ElementTree.Element, x: float, y: float, text: str, *, size: int = 13, weight: str = "400", anchor: str = ""
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:g}", "font-size": str(size), "font-weight": weight, "fill": _TEXT}
    ElementTree.SubElement(image, "text", place | ({"text-anchor": anchor} if anchor else {})).text = text
