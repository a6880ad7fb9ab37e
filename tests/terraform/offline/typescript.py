"""Reads one resource, data source or provider from the TypeScript that CDK for Terraform generated for it.

The generator wrote it from `terraform providers schema -json`: names, types, what is required, optional or computed,
and what is a block. It lacks conflicts between arguments, rules on values, and numbers of blocks beyond 0 and 1. An
unknown struct or type raises an exception: only "any" becomes "dynamic".
"""

import base64
import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{(.*?)^\}", re.M | re.S)
INTERFACE = re.compile(r"^export interface (\w+)[^{\n]* \{(.*?)^\}", re.M | re.S)
FUNCTION = re.compile(r"^export function (\w+)ToHclTerraform\(struct\?: [^\n]*\n(.*?)^\}", re.M | re.S)
BLOCK = re.compile(r"^  /\*\*\n  \* (\w+) block\n  \*\n  \* Docs at ", re.M)
ARGUMENT = re.compile(
    r"^\s{4,12}(\w+): \{\s*value: (.*?),\s*isBlock: (true|false),"
    r'\s*type: "(\w+)",\s*storageClassType: "(\w+)",\s*\},',
    re.M | re.S,
)
PROPERTY = re.compile(r"^  // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.M)
MEMBER = re.compile(r'^  private _\w+ = new ([\w.]+)\(this, "\w+"(?:, (true|false))?\);', re.M)
GETTER = re.compile(r"^    return (.*);$", re.M)
FIELD = re.compile(r"#(\w+)\}\n(?:  \*[^\n]*\n)*?  \*/\n  readonly \w+(\??):", re.M)
ELEMENT = re.compile(r"^  public get\(\w+: \w+\): (\w+) ", re.M)
CONFIGURATION = re.compile(r"^  public constructor\(scope: Construct, id: string, config: (\w+)", re.M)
SECTIONS = {"TerraformResource": "resources", "TerraformDataSource": "data", "TerraformProvider": "provider"}
MODES = {"ComplexObject": "single", "ComplexList": "list", "ComplexMap": "map", "MapList": "list"}
PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getAnyMapAttribute": "dynamic",
    "interpolationForAttribute": "dynamic",
}
Node = dict[str, Any]
"""A block is {"a": attributes, "b": blocks}. An attribute is {"t": type, "r", "o", "c"} (required, optional, computed),
or has {"nested": mode, "block"} in place of "t". A block in a block is {"nesting", "min", "max", "block"}."""


class Module:
    """One resource, data source or provider. Large ones have their structs in separate files."""

    def __init__(self, folder: Path) -> None:
        files = [folder / "index.js", *sorted(folder.glob("index-structs/structs*.js"))]
        text = "\n".join(_source(file) for file in files)
        self.type = re.search(r'static readonly tfResourceType = "(\w+)"', text)
        self.classes = {found[1]: (found[2], found[3]) for found in CLASS.finditer(text)}
        self.interfaces = {found[1]: found[2] for found in INTERFACE.finditer(text)}
        self.functions = {found[1]: found[2] for found in FUNCTION.finditer(text)}

    def schema(self) -> tuple[str, Node]:
        kind, body = next((base, body) for base, body in self.classes.values() if base in SECTIONS)
        at = body.find("synthesizeHclAttributes")
        return SECTIONS[kind], self._block(body, body[at:] if at >= 0 else "", CONFIGURATION.search(body)[1])

    def _struct(self, name: str) -> Node:
        _, body = self.classes.get(f"{name}OutputReference", ("", ""))
        return self._block(body, self.functions[name[0].lower() + name[1:]], name)

    def _block(self, body: str, function: str, interface: str) -> Node:
        """A block's arguments are in its function; attributes that are only computed are only in its class."""
        blocks = set(BLOCK.findall(self.interfaces[interface]))
        arguments = {found[1]: found.groups()[1:] for found in ARGUMENT.finditer(function)}
        properties = list(_properties(body)) or list(_fields(self.interfaces[interface]))
        made: Node = {"a": {}, "b": {}}
        for name, flags, chunk in properties:
            argument = arguments.pop(name, None)
            member = MEMBER.search(chunk)
            struct = self._reference(member, argument)
            # an attribute is required, optional or computed; a block that nobody can set is none of them
            if struct and (name in blocks or not any(flags.values())):
                made["b"][name] = self._nested(*struct, argument, flags["r"])
            elif struct:
                made["a"][name] = self._attribute(*struct, _is_set(member, argument)) | flags
            else:
                made["a"][name] = {"t": _stored(argument) if argument else _read(member, chunk)} | flags
        # some of aws' blocks were too large for CDK for Terraform, which says "any" of what is in them
        lost = {*arguments, *blocks} - {name for name in blocks if made["a"].get(name, {}).get("t") == "dynamic"}
        if lost - set(made["b"]):
            raise ValueError(f"{interface}: {lost} are not among its properties")
        return made

    def _nested(self, base: str, name: str, argument: tuple[str, ...] | None, required: bool) -> Node:
        nesting = argument[2] if argument and argument[2] != "struct" else MODES[base]
        most = int(base == "ComplexObject" and nesting != "single")
        least = int(required and nesting != "single")  # a single block has no least number
        return {"nesting": nesting, "min": least, "max": most, "block": self._struct(name)}

    def _attribute(self, base: str, name: str, is_set: bool) -> Node:
        mode = "set" if MODES[base] == "list" and is_set else MODES[base]
        if f"{name}OutputReference" in self.classes or name not in self.classes:
            return {"nested": mode, "block": self._struct(name)}
        return {"around": mode} | self._attribute(self.classes[name][0], self._element(name), is_set=False)

    def _element(self, name: str) -> str:
        base, body = self.classes[name]
        return (name if base == "ComplexObject" else ELEMENT.search(body)[1]).removesuffix("OutputReference")

    def _reference(self, member: re.Match[str] | None, argument: tuple[str, ...] | None) -> tuple[str, str] | None:
        """The kind and the name of the struct behind a property, if there is one."""
        if member and not member[1].startswith("cdktf."):
            return self.classes[member[1]][0], self._element(member[1])
        if not argument or argument[1] == "false":
            return None
        # a provider's configuration has no classes for its structs
        value = argument[0]
        name = re.search(r"(\w+)ToHclTerraform", value)[1]
        mapped = {"listMapperHcl": "ComplexList", "hashMapperHcl": "ComplexMap"}
        base = next((base for mapper, base in mapped.items() if mapper in value), "ComplexObject")
        return base, name[0].upper() + name[1:]


def _properties(body: str) -> Iterator[tuple[str, Node, str]]:
    """A class says which of its properties are required, optional or computed."""
    found = list(PROPERTY.finditer(body))
    for start, end in zip_longest(found, found[1:]):
        computed, optional, required = (start[i] == "true" for i in (2, 3, 4))
        yield start[1], {"r": required, "o": optional, "c": computed}, body[start.end() : end.start() if end else None]


def _fields(interface: str) -> Iterator[tuple[str, Node, str]]:
    for found in FIELD.finditer(interface):
        optional = found[2] == "?"
        yield found[1], {"r": not optional, "o": optional, "c": False}, ""


def _is_set(member: re.Match[str] | None, argument: tuple[str, ...] | None) -> bool:
    return argument[2] == "set" if argument else member[2] == "true"


def _source(file: Path) -> str:
    source_map = json.loads(base64.b64decode(file.read_text().rsplit("base64,", 1)[1]))
    return str(source_map["sourcesContent"][0])


def _stored(argument: tuple[str, ...]) -> Any:
    """stringListMap is a map of lists of strings. Only the outermost container says whether it is a list or a set."""
    _, _, kind, stored = argument
    return _container(stored, kind == "set")


def _container(words: str, is_set: bool) -> Any:
    primitive, containers = re.fullmatch(r"(string|number|boolean|any)((?:List|Map|Set)*)", words).groups()
    made: Any = PRIMITIVES[primitive]
    if made == "dynamic":
        return made  # in Terraform, "any" is the whole value
    for container in re.findall("List|Map|Set", containers):
        made = [container.lower(), made]
    if is_set and isinstance(made, list):
        made[0] = "set"
    return made


def _read(member: re.Match[str] | None, chunk: str) -> Any:
    if member:
        words = member[1].removeprefix("cdktf.")
        return _container(words[0].lower() + words[1:], member[2] == "true")
    getter = GETTER.search(chunk)[1]
    made = GETTERS[re.search(r"this\.(\w+)\(", getter)[1]]
    return ["set", made[1]] if "Fn.tolist(" in getter else made
