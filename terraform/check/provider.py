"""A Terraform provider that knows nothing but a schema: enough for plan, test and apply, and it creates nothing.

Terraform uses a provider that already runs if TF_REATTACH_PROVIDERS names it, and then neither downloads nor verifies
one. This is such a provider, in version 6 of the plugin protocol, on 127.0.0.1. It refuses strings that are not among
the documented values, and makes up what Google would compute.
"""

import json
import os
import pathlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

Block = dict[str, Any]
UNKNOWN = msgpack.ExtType(0, b"\x00")
NESTING = {"list": "LIST", "set": "SET", "single": "SINGLE", "map": "MAP"}
# Which of a resource's own attributes tells it from others of its kind.
IDENTITY = ("account_id", "secret_id", "repository_id", "display_name", "name")


def is_write_only(name: str) -> bool:
    return name.endswith("_wo")


def attribute_message(name: str, attribute: Block) -> Any:
    flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")}
    message = pb.Schema.Attribute(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
    if is_write_only(name):
        # Field 11 is newer than the generated code, which keeps it as a field that it does not know.
        message = pb.Schema.Attribute.FromString(message.SerializeToString() + b"\x58\x01")
    return message


def block_message(block: Block) -> Any:
    return pb.Schema.Block(
        version=0,
        attributes=[attribute_message(*item) for item in block["attributes"].items()],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=block_message(nested["block"]),
                nesting=pb.Schema.NestedBlock.NestingMode.Value(NESTING[nested["nesting"]]),
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
            for name, nested in block["blocks"].items()
        ],
    )


def inner_values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def wrong_values(block: Block, value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The first step of the path, and a sentence, for every string that is not among the documented ones."""
    if not isinstance(value, dict):
        return
    for name, attribute in block["attributes"].items():
        given, allowed = value.get(name), attribute.get("values")
        if allowed and isinstance(given, str) and given not in allowed:
            where = (*path, name)
            yield where[0], f"{'.'.join(where)}: expected one of {allowed}, got {given!r}"
    for name, nested in block["blocks"].items():
        for element in inner_values(value.get(name)):
            yield from wrong_values(nested["block"], element, (*path, name))


def change(block: Block, value: Any, new_value: Callable[[str, Block, Any], Any]) -> Any:
    """The same, with each attribute as `new_value` has it."""
    if not isinstance(value, dict):
        return value
    changed = dict(value)
    for name, attribute in block["attributes"].items():
        changed[name] = new_value(name, attribute, value.get(name))
    for name, nested in block["blocks"].items():
        inner = value.get(name)
        if isinstance(inner, list):
            changed[name] = [change(nested["block"], element, new_value) for element in inner]
        elif isinstance(inner, dict):
            changed[name] = change(nested["block"], inner, new_value)
    return changed


def made_up(kind: Any, label: str) -> Any:
    if isinstance(kind, list):
        if kind[0] == "object":
            return {name: made_up(inner, f"{label}.{name}") for name, inner in kind[1].items()}
        if kind[0] in ("list", "set") and isinstance(kind[1], list):
            return [made_up(kind[1], label)]
        return {} if kind[0] == "map" else []
    return {"string": label, "number": 0, "bool": False}.get(kind)


def identity(state: Block) -> str:
    return next((state[name] for name in IDENTITY if isinstance(state.get(name), str)), "it")


def plan(block: Block, proposed: Block) -> Any:
    """Computed values are not known yet, and write-only ones are never kept."""

    def planned(name: str, attribute: Block, value: Any) -> Any:
        if is_write_only(name):
            return None
        return UNKNOWN if value is None and attribute.get("computed") else value

    return change(block, proposed, planned)


def compute(block: Block, state: Block) -> Any:
    """What Google would have computed, told apart by the resource that it belongs to."""
    owner = identity(state)

    def computed(name: str, attribute: Block, value: Any) -> Any:
        missing = value is None and attribute.get("computed")
        if missing or isinstance(value, msgpack.ExtType):
            return made_up(attribute["type"], f"{name}-of-{owner}")
        return value

    return change(block, state, computed)


def unpack(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False) if value.msgpack else None


def pack(value: Any) -> Any:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


class SchemaProvider(rpc.ProviderServicer):  # type: ignore[misc]
    """The methods have the protocol's names."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.resources = schema["resources"]
        self.data_sources = schema["data_sources"]
        self.schema = pb.GetProviderSchema.Response(
            provider=pb.Schema(version=0, block=block_message(schema["provider"])),
            resource_schemas=self.messages(self.resources),
            data_source_schemas=self.messages(self.data_sources),
        )

    @staticmethod
    def messages(blocks: dict[str, Block]) -> dict[str, Any]:
        return {name: pb.Schema(version=0, block=block_message(block)) for name, block in blocks.items()}

    def GetMetadata(self, request: Any, context: Any) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return self.schema

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        found = wrong_values(self.resources[request.type_name], unpack(request.config))
        return pb.ValidateResourceConfig.Response(
            diagnostics=[
                pb.Diagnostic(
                    severity=pb.Diagnostic.ERROR,
                    summary="Value that is not documented",
                    detail=sentence,
                    attribute=pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=first)]),
                )
                for first, sentence in found
            ]
        )

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        state = compute(self.data_sources[request.type_name], unpack(request.config))
        return pb.ReadDataSource.Response(state=pack(state))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed = unpack(request.proposed_new_state)
        if proposed is None:  # It is to be destroyed.
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        return pb.PlanResourceChange.Response(planned_state=pack(plan(self.resources[request.type_name], proposed)))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        planned = unpack(request.planned_state)
        if planned is None:
            return pb.ApplyResourceChange.Response(new_state=request.planned_state)
        return pb.ApplyResourceChange.Response(new_state=pack(compute(self.resources[request.type_name], planned)))

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return pb.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


def serve(schema_file: pathlib.Path) -> tuple[grpc.Server, dict[str, str]]:
    """The running provider, and the environment with which terraform finds it."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", 1 << 28)])
    rpc.add_ProviderServicer_to_server(SchemaProvider(json.loads(schema_file.read_text())), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    reattach = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    # Somebody's own settings may name mirrors, and values for variables.
    own = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return server, own | {
        "TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/google": reattach}),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
