"""Extracts a provider's schema from the package that CDK for Terraform generated. schemas/*.json.gz were made with it.

usage: python -m tests.terraform.offline.extract_schema PACKAGE SCHEMA.json.gz

PACKAGE is the unpacked npm package inside the wheel cdktf-cdktf-provider-<name> (*.jsii.tgz). The same package gives
the same bytes.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.terraform.offline.typescript import Module, Node


def _attributes(block: Node) -> Iterator[Node]:
    for attribute in block["a"].values():
        yield attribute
        if "nested" in attribute:
            yield from _attributes(attribute["block"])
    for nested in block["b"].values():
        yield from _attributes(nested["block"])


def _flags(attribute: Node) -> tuple[bool, ...]:
    return attribute["r"], attribute["o"], attribute["c"]


def _has_nested_attributes(blocks: list[Node]) -> bool:
    """Attributes in an object of a plain type have no flags: CDK for Terraform repeats those of the outer object."""
    return any(
        _flags(inner) != _flags(outer)
        for block in blocks
        for outer in _attributes(block)
        if "nested" in outer
        for inner in outer["block"]["a"].values()
    )


def _type(attribute: Node) -> Any:
    if "t" in attribute:
        return attribute["t"]
    made = ["object", {name: _type(inner) for name, inner in attribute["block"]["a"].items()}]
    made = made if attribute["nested"] == "single" else [attribute["nested"], made]
    return [attribute["around"], made] if "around" in attribute else made


def _plain(block: Node) -> None:
    """Converts objects to types. Terraform then accepts a list or set of objects both as block and as attribute."""
    for name, attribute in block["a"].items():
        block["a"][name] = {"t": _type(attribute)} | {flag: attribute[flag] for flag in "roc"}
    for nested in block["b"].values():
        _plain(nested["block"])


def extract(package: Path) -> Node:
    made: Node = {"provider": None, "resources": {}, "data": {}}
    for folder in sorted((package / "lib").iterdir()):
        if not (folder / "index.js").exists():
            continue
        module = Module(folder)
        if module.type is None:
            continue
        section, block = module.schema()
        if section == "provider":
            made["provider"] = block
        else:
            made[section][module.type[1]] = block
    blocks = [made["provider"], *made["resources"].values(), *made["data"].values()]
    if not _has_nested_attributes(blocks):
        for block in blocks:
            _plain(block)
    return made


if __name__ == "__main__":
    document = json.dumps(extract(Path(sys.argv[1])), separators=(",", ":")).encode()
    with Path(sys.argv[2]).open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(document)  # no name and no time in it: the same package gives the same bytes
