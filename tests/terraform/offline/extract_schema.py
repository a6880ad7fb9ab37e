"""A provider's schema out of the package that CDK for Terraform made of it: how schemas/*.json.gz came to be.

usage: python -m tests.terraform.offline.extract_schema PACKAGE SCHEMA.json.gz

PACKAGE is the unpacked npm package inside the wheel cdktf-cdktf-provider-<name> (*.jsii.tgz). Each of its modules
carries its TypeScript source, made from `terraform providers schema -json`: names, types, what is required, optional
or computed, and what is a block. Not in it: conflicts between arguments, and rules on their values.
"""

import base64
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

ARGUMENT = re.compile(
    r"^\s{4,12}(\w+): \{\s*value: (.*?),\s*isBlock: (true|false),"
    r'\s*type: "(\w+)",\s*storageClassType: "(\w+)",\s*\},',
    re.M | re.S,
)
FUNCTION = re.compile(r"^export function (\w+)ToHclTerraform\(struct\?: [^\n]*\n(.*?)^\}", re.M | re.S)
CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{(.*?)^\}", re.M | re.S)
FLAGS = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\s*"
    r"(?:public get \w+\(\) \{\s*return (.*?);\s*\}|private _\w+ = (.*?);"
    r"|private _\w+\?: [^;\n]*;\s*public get \w+\(\) \{\s*return (.*?);)?",
    re.S,
)
PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "Fn.tolist(": ["set", "string"],
    "cdktf.StringMap(": ["map", "string"],
    "cdktf.NumberMap(": ["map", "number"],
    "cdktf.BooleanMap(": ["map", "bool"],
}
SECTIONS = {"TerraformResource": "resources", "TerraformDataSource": "data"}


class Module:
    """One resource, data source or provider. Large ones keep their structs in files of their own."""

    def __init__(self, folder: Path) -> None:
        files = [folder / "index.js", *sorted(folder.glob("index-structs/structs*.js"))]
        self.text = "\n".join(_source(file) for file in files)
        self.name = re.search(r'static readonly tfResourceType = "(\w+)"', self.text)
        self.blocks = {*re.findall(r"\*\s+(\w+) block\.?\s*\n", self.text), "timeouts"}
        self.functions = {found[1]: found[2] for found in FUNCTION.finditer(self.text)}
        self.classes = {found[1]: (found[2], found[3]) for found in CLASS.finditer(self.text)}

    def schema(self) -> tuple[str, dict[str, Any]]:
        kinds = {*SECTIONS, "TerraformProvider"}
        kind, body = next((base, text) for base, text in self.classes.values() if base in kinds)
        at = body.find("synthesizeHclAttributes")
        return kind, self.block(body[at:] if at >= 0 else "", body)

    def block(self, arguments: str, body: str) -> dict[str, Any]:
        flags = {
            found[1]: (found[2] == "true", found[3] == "true", found[4] == "true", found[5] or found[6] or found[7])
            for found in FLAGS.finditer(body)
        }
        made: dict[str, Any] = {"a": {}, "b": {}}
        for found in ARGUMENT.finditer(arguments):
            self._argument(made, flags, *found.groups())
        for name, (computed, optional, required, getter) in flags.items():
            if name not in made["a"] and name not in made["b"] and computed and not optional and not required:
                made["a"][name] = {"t": _getter_type(getter), "r": False, "o": False, "c": True}
        return made

    def _argument(
        self, made: dict[str, Any], flags: dict[str, Any], name: str, value: str, is_block: str, kind: str, stored: str
    ) -> None:
        computed, optional, required, _ = flags.get(name, (False, True, False, None))
        struct = re.search(r"(\w+)ToHclTerraform", value)
        if is_block != "true" or struct is None or struct[1] not in self.functions:
            made["a"][name] = {"t": _stored_type(stored, kind), "r": required, "o": optional, "c": computed}
            return
        many = "listMapperHcl" in value or "hashMapperHcl" in value
        output = struct[1][0].upper() + struct[1][1:] + "OutputReference"
        inner = self.block(self.functions[struct[1]], self.classes.get(output, ("", ""))[1])
        nesting = "single" if kind == "struct" else kind
        if name in self.blocks:
            most = 0 if many or nesting == "single" else 1
            made["b"][name] = {"nesting": nesting, "min": int(required), "max": most, "block": inner}
        else:
            mode = nesting if many or nesting == "single" else "list"
            made["a"][name] = {"nested": mode, "block": inner, "r": required, "o": optional, "c": computed}


def _source(file: Path) -> str:
    source_map = json.loads(base64.b64decode(file.read_text().rsplit("base64,", 1)[1]))
    return str(source_map["sourcesContent"][0])


def _stored_type(stored: str, kind: str) -> Any:
    if stored in PRIMITIVES:
        return PRIMITIVES[stored]
    found = re.fullmatch(r"(string|number|boolean|any)(List|Map|Set)(List|Map)?", stored)
    if not found or found[1] == "any" or found[3]:
        return "dynamic"
    container = {"List": "set" if kind == "set" else "list", "Map": "map", "Set": "set"}[found[2]]
    return [container, PRIMITIVES[found[1]]]


def _getter_type(getter: str | None) -> Any:
    return next((kind for word, kind in GETTERS.items() if word in (getter or "")), "dynamic")


def extract(package: Path) -> dict[str, Any]:
    made: dict[str, Any] = {"provider": None, "resources": {}, "data": {}}
    for folder in sorted((package / "lib").iterdir()):
        if not (folder / "index.js").exists():
            continue
        module = Module(folder)
        if module.name is None:
            continue
        kind, block = module.schema()
        if kind == "TerraformProvider":
            made["provider"] = block
        else:
            made[SECTIONS[kind]][module.name[1]] = block
    return made


if __name__ == "__main__":
    document = json.dumps(extract(Path(sys.argv[1])), separators=(",", ":")).encode()
    # without a name and a time in it: the same package gives the same bytes
    Path(sys.argv[2]).write_bytes(gzip.compress(document, mtime=0))
