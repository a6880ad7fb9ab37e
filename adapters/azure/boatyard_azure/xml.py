"""The XML of Azure Storage: written by hand, read without the parts of XML that can grow or reach elsewhere."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

_DEEPEST: Final = 16


class UnreadableXml(ValueError):
    """It is not XML, or has what no answer of Azure Storage has."""


def parse(data: bytes) -> Element:
    """The root. Raises UnreadableXml, for a document type too: it could declare entities."""
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise UnreadableXml("nested too deeply")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> None:
        raise UnreadableXml("a document type")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ParseError, AssertionError, ValueError) as error:
        raise UnreadableXml(type(error).__name__) from None


def text(element: Element, path: str) -> str:
    """The text below `path`, or ""."""
    return element.findtext(path) or ""


def document(name: str, **children: str) -> bytes:
    """An element with one level of children, in UTF-8."""
    inner = "".join(f"<{child}>{escape(said)}</{child}>" for child, said in children.items())
    return f'<?xml version="1.0" encoding="utf-8"?><{name}>{inner}</{name}>'.encode()
