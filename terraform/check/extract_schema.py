#!/usr/bin/env python3
"""Makes the schema that check.py knows from the npm package @cdktf/provider-google.

usage: extract_schema.py TARBALL FOLDER OUT.json

Takes the resources and data sources that the *.tf files of FOLDER use. For each the package has the names, types and
nesting of the provider's release that it was generated from, as code that writes HCL; this reads that code. Only the
standard library is needed. A new kind of resource is the only reason to run it: README.md says how.
"""

import json
import pathlib
import re
import sys
import tarfile
from typing import Any

Schema = dict[str, Any]

PROVIDER = "provider.google"
BASES = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTER_TYPES: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "BooleanMap": ["map", "bool"],
    "NumberMap": ["map", "number"],
}

# What may be given and is computed otherwise; the package cannot tell, except of `id` and `project`.
ALSO_COMPUTED = {"google_compute_global_address": ["address"]}

CLASS = re.compile(r"^class (\w+) extends cdktf\.(\w+) \{(.*?)^\}", re.M | re.S)
# One attribute or block, in the code that writes HCL.
ENTRY = re.compile(
    r"^\s+(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (true|false),"
    r'\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",',
    re.M,
)
# What the provider computes: getters of plain values, and members that are objects.
GETTER = re.compile(
    r"^\s+get \w+\(\) \{\s+return (?:cdktf\.Fn\.tolist\()?"
    r"this\.get(\w+)Attribute\(['\"](\w+)['\"]\)",
    re.M,
)
MEMBER = re.compile(r'^\s+this\._\w+ = new ([\w.]+)\(this, "(\w+)"(?:, (true|false))?\);', re.M)
INTERFACE = re.compile(r"^export interface (\w+)(?: extends [\w., ]+)? \{(.*?)^\}", re.M | re.S)
PROPERTY = re.compile(r"/\*\*(.*?)\*/\s+readonly (\w+)(\??):", re.S)


def types_used(folder: pathlib.Path) -> set[str]:
    """As `google_x` and `data.google_x`."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    resources = set(re.findall(r'^resource\s+"(google_\w+)"', text, re.M))
    return resources | {f"data.{name}" for name in re.findall(r'^data\s+"(google_\w+)"', text, re.M)}


def attribute_type(kind: str, storage: str) -> Any:
    if kind == "simple":
        return PRIMITIVES.get(storage, "dynamic")
    element = PRIMITIVES.get(re.sub(r"(List|Map)$", "", storage))
    if element in (None, "dynamic") or kind not in ("list", "set", "map"):
        return "dynamic"
    return [kind, element]


def properties(declarations: str) -> dict[str, dict[str, tuple[bool, list[str] | None]]]:
    """By interface and attribute: whether it is required, and the documented values, if they are listed."""
    result = {}
    for interface in INTERFACE.finditer(declarations):
        found: dict[str, tuple[bool, list[str] | None]] = {}
        for documentation, _, optional in PROPERTY.findall(interface[2]):
            name = re.search(r"#(\w+) \w+#\w+\}", documentation)
            if not name:
                continue
            listed = re.search(r"Possible values: (\[[^\]]*\])", documentation)
            try:
                values = json.loads(listed[1]) if listed else None
            except ValueError:
                values = None
            found[name[1]] = (optional == "", values)
        result[interface[1]] = found
    return result


class Source:
    """The code and the declarations of one kind of resource."""

    def __init__(self, files: dict[str, str]) -> None:
        self.code = files["index.js"]
        self.properties = properties(files["index.d.ts"])
        self.classes = {found[1]: (found[2], found[3]) for found in CLASS.finditer(self.code)}

    def root(self) -> Schema:
        name = next(name for name, (base, _) in self.classes.items() if base in BASES)
        body = self.classes[name][1]
        writer = body[body.index("synthesizeHclAttributes() {") :]
        return self.block(ENTRY.findall(writer), name + "Config", body)

    def block(self, entries: list[tuple[str, ...]], interface: str, body: str) -> Schema:
        attributes: Schema = {}
        blocks: Schema = {}
        known = self.properties.get(interface, {})
        for name, value, is_block, kind, storage in entries:
            required, values = known.get(name, (False, None))
            if is_block == "true":
                blocks[name] = self.nested(value, kind, storage, required)
                continue
            attributes[name] = {"type": attribute_type(kind, storage), "required" if required else "optional": True}
            if name in ("id", "project") and not required:
                attributes[name]["computed"] = True
            if values:
                attributes[name]["values"] = values
        for name, computed in self.computed(body).items():
            if name not in blocks:
                attributes.setdefault(name, {"type": computed, "computed": True})
        return {"attributes": attributes, "blocks": blocks}

    def nested(self, value: str, kind: str, storage: str, required: bool) -> Schema:
        struct = re.sub(r"List$", "", storage)
        writer = struct[0].lower() + struct[1:] + "ToHclTerraform"
        code = re.search(rf"^function {re.escape(writer)}\(.*?^\}}", self.code, re.M | re.S)
        body = self.classes.get(struct + "OutputReference", ("", ""))[1]
        result: Schema = {
            "nesting": "single" if kind == "struct" else kind,
            "block": self.block(ENTRY.findall(code[0]) if code else [], struct, body),
        }
        if kind != "struct":
            if "listMapperHcl" not in value:
                result["max_items"] = 1
            if required:
                result["min_items"] = 1
        return result

    def computed(self, body: str) -> Schema:
        found: Schema = {name: GETTER_TYPES.get(kind, "dynamic") for kind, name in GETTER.findall(body)}
        for class_name, name, is_set in MEMBER.findall(body):
            if class_name.startswith("cdktf."):
                found.setdefault(name, ["map", "string"] if class_name.endswith("Map") else "dynamic")
            else:
                element = ["object", self.object(class_name)]
                found.setdefault(name, ["set" if is_set == "true" else "list", element])
        return found

    def object(self, class_name: str) -> Schema:
        reference = re.sub(r"List$", "OutputReference", class_name)
        return self.computed(self.classes.get(reference, ("", ""))[1])


def folder_in_package(kind: str) -> str:
    if kind == PROVIDER:
        return "provider"
    short = kind.removeprefix("data.").removeprefix("google_").replace("_", "-")
    return f"data-google-{short}" if kind.startswith("data.") else short


def read_tarball(path: str, folders: set[str]) -> tuple[dict[str, dict[str, str]], Schema]:
    sources: dict[str, dict[str, str]] = {}
    package: Schema = {}
    with tarfile.open(path) as tar:
        for member in tar:
            parts = member.name.split("/")
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            if member.name == "package/package.json":
                package = json.load(file)
            elif parts[1] == "lib" and parts[2] in folders and parts[3:] in (["index.js"], ["index.d.ts"]):
                sources.setdefault(parts[2], {})[parts[3]] = file.read().decode()
    return sources, package


def render(schema: Schema) -> str:
    """One kind a line: what changed can be read in a comparison."""

    def lines(kinds: Schema) -> str:
        return ",\n".join(f"{json.dumps(name)}: {json.dumps(kinds[name], sort_keys=True)}" for name in sorted(kinds))

    def body(name: str) -> str:
        is_list = name in ("resources", "data_sources")
        return "{\n" + lines(schema[name]) + "\n}" if is_list else json.dumps(schema[name])

    parts = [f"{json.dumps(name)}: {body(name)}" for name in schema]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    tarball, folder, out = sys.argv[1:]
    kinds = {folder_in_package(kind): kind for kind in types_used(pathlib.Path(folder)) | {PROVIDER}}
    sources, package = read_tarball(tarball, set(kinds))
    unknown = [kind for name, kind in kinds.items() if name not in sources]
    if unknown:
        print(f"extract_schema: the provider has no {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    blocks = {kind: Source(sources[name]).root() for name, kind in kinds.items()}
    for kind, names in ALSO_COMPUTED.items():
        for name in names:
            blocks[kind]["attributes"][name]["computed"] = True
    schema: Schema = {
        "origin": f"extracted from npm @cdktf/provider-google {package['version']}",
        "licence": package["license"],
        "version": package["cdktf"]["provider"]["version"],
        "provider": blocks.pop(PROVIDER),
        "resources": {kind: block for kind, block in blocks.items() if not kind.startswith("data.")},
        "data_sources": {kind[5:]: block for kind, block in blocks.items() if kind.startswith("data.")},
    }
    pathlib.Path(out).write_text(render(schema))
    counts = len(schema["resources"]), len(schema["data_sources"])
    print(f"provider {schema['version']}: {counts[0]} resources, {counts[1]} data sources")
    return 0


if __name__ == "__main__":
    sys.exit(main())
