"""A Terraform provider that serves a real provider's schema without any backend.

usage: python tests/terraform/offline/stub SCHEMA.json.gz   (Terraform starts it, protocol 6)

It refuses what the schema refuses: wrong names, wrong types, missing arguments, too many blocks. It knows no
rule beyond the schema. An applied resource is what was asked for, its computed attributes made up.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import schema
import tf.provider
import values
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

SOURCE: dict[str, Any] = json.loads(gzip.decompress(Path(sys.argv.pop(1)).read_bytes()))
NOT_IN_A_PROVIDER = frozenset({"alias"})
CAPABILITIES = pb.ServerCapabilities(plan_destroy=False, get_provider_schema_optional=True)
"""Terraform need not ask each new process for the schema that it has from another."""


class Stub(rpc.ProviderServicer):
    def __init__(self, app: object = None) -> None:
        pass

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(server_capabilities=CAPABILITIES)

    def GetProviderSchema(self, request, context):
        return pb.GetProviderSchema.Response(
            server_capabilities=CAPABILITIES,
            provider=pb.Schema(block=schema.block(SOURCE["provider"], without=NOT_IN_A_PROVIDER)),
            resource_schemas={name: pb.Schema(block=schema.block(b)) for name, b in SOURCE["resources"].items()},
            data_source_schemas={name: pb.Schema(block=schema.block(b)) for name, b in SOURCE["data"].items()},
        )

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
        state = values.of_json(json.loads(request.raw_state.json), SOURCE["resources"][request.type_name])
        return pb.UpgradeResourceState.Response(upgraded_state=values.encode(state))

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        planned = values.plan(values.decode(request.proposed_new_state), SOURCE["resources"][request.type_name])
        return pb.PlanResourceChange.Response(planned_state=values.encode(planned))

    def ApplyResourceChange(self, request, context):
        applied = values.apply(values.decode(request.planned_state), SOURCE["resources"][request.type_name])
        return pb.ApplyResourceChange.Response(new_state=values.encode(applied))

    def ReadDataSource(self, request, context):
        answer = values.read(values.decode(request.config), SOURCE["data"][request.type_name])
        return pb.ReadDataSource.Response(state=values.encode(answer))

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


if __name__ == "__main__":
    tf.provider.ProviderServicer = Stub  # what run_provider serves; it is looked up there when it starts
    from tf.runner import run_provider

    run_provider(None, sys.argv)
