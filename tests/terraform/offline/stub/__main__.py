"""Terraform providers that serve real providers' schemas without any backend, all in one process.

usage: python tests/terraform/offline/stub FOLDER ADDRESS=SCHEMA.json.gz …   (protocol 6)

Its sockets are in FOLDER. It prints the value of TF_REATTACH_PROVIDERS, with which every terraform command uses this
process instead of starting its own, and ends with its standard input.

It refuses what the schema refuses: wrong names, wrong types, missing arguments, too many blocks. It has no rules beyond
the schema. An applied resource equals the configuration, with invented computed attributes.
"""

import gzip
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
import schema
import values
from tf.gen import grpc_stdio_pb2_grpc as stdio
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

NOT_IN_A_PROVIDER = frozenset({"alias"})
CAPABILITIES = pb.ServerCapabilities(plan_destroy=False, get_provider_schema_optional=True)
"""Terraform need not ask each instance of a provider for the schema that it has from another."""


class Stub(rpc.ProviderServicer):
    def __init__(self, source: dict[str, Any]) -> None:
        self._source = source

    @cached_property
    def _schema(self) -> pb.GetProviderSchema.Response:
        source = self._source
        return pb.GetProviderSchema.Response(
            server_capabilities=CAPABILITIES,
            provider=pb.Schema(block=schema.block(source["provider"], without=NOT_IN_A_PROVIDER)),
            resource_schemas={name: pb.Schema(block=schema.block(b)) for name, b in source["resources"].items()},
            data_source_schemas={name: pb.Schema(block=schema.block(b)) for name, b in source["data"].items()},
        )

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(server_capabilities=CAPABILITIES)

    def GetProviderSchema(self, request, context):
        return self._schema

    def GetResourceIdentitySchemas(self, request, context):
        return pb.GetResourceIdentitySchemas.Response()

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, context):
        state = values.of_json(json.loads(request.raw_state.json), self._source["resources"][request.type_name])
        return pb.UpgradeResourceState.Response(upgraded_state=values.encode(state))

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        planned = values.plan(values.decode(request.proposed_new_state), self._source["resources"][request.type_name])
        return pb.PlanResourceChange.Response(planned_state=values.encode(planned))

    def ApplyResourceChange(self, request, context):
        applied = values.apply(values.decode(request.planned_state), self._source["resources"][request.type_name])
        return pb.ApplyResourceChange.Response(new_state=values.encode(applied))

    def ReadDataSource(self, request, context):
        answer = values.read(values.decode(request.config), self._source["data"][request.type_name])
        return pb.ReadDataSource.Response(state=values.encode(answer))

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


class Output(stdio.GRPCStdioServicer):
    def StreamStdio(self, request, context):
        return iter(())


def serve(socket: Path, source: dict[str, Any]) -> grpc.Server:
    server = grpc.server(ThreadPoolExecutor(8))
    rpc.add_ProviderServicer_to_server(Stub(source), server)
    stdio.add_GRPCStdioServicer_to_server(Output(), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    return server


def main(folder: Path, providers: dict[str, Path]) -> None:
    servers, attached = [], {}
    for number, (address, path) in enumerate(providers.items()):
        socket = folder / f"{number}.sock"
        servers.append(serve(socket, json.loads(gzip.decompress(path.read_bytes()))))
        attached[address] = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,  # Terraform does not end it
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    print(json.dumps(attached), flush=True)
    sys.stdin.read()
    for server in servers:
        server.stop(grace=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), {name: Path(path) for name, _, path in (word.partition("=") for word in sys.argv[2:])})
