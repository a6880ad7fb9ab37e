"""What App Service authentication and Event Grid send, as their documentation shows it."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import azure.functions as func
from azure.functions.http import HttpRequest

TENANT: Final = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ADA: Final = "3ab8a1f2-0b5c-4c6d-9e1f-0a1b2c3d4e5f"
CALLER: Final = f"{TENANT}/{ADA}"
ACCOUNT: Final = "boatyardtests"
CONTAINER: Final = "boatyard"
_SCHEMA: Final = "http://schemas.microsoft.com/identity/claims"
_SUBSCRIPTION: Final = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/boatyard"


def claims(object_id: str = ADA, tenant: str = TENANT, **more: str) -> list[dict[str, str]]:
    """Of a person's token; the edge maps most names (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities)."""
    return [
        {"typ": "aud", "val": "api://boatyard"},
        {"typ": "iss", "val": f"https://sts.windows.net/{TENANT}/"},
        {"typ": f"{_SCHEMA}/objectidentifier", "val": object_id},
        {"typ": f"{_SCHEMA}/tenantid", "val": tenant},
        {"typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "val": "ada@example.com"},
        {"typ": "name", "val": "Ada"},
        *({"typ": name, "val": value} for name, value in more.items()),
    ]


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def principal(found: list[dict[str, str]] | None = None, *, kind: str = "aad") -> dict[str, str]:
    """The edge's headers."""
    document = {
        "auth_typ": kind,
        "claims": claims() if found is None else found,
        "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    }
    return {
        "X-MS-CLIENT-PRINCIPAL": encoded(document),
        "X-MS-CLIENT-PRINCIPAL-ID": ADA,
        "X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.com",
        "X-MS-CLIENT-PRINCIPAL-IDP": kind,
    }


def request(
    method: str, path: str, body: Any = None, *, query: str = "", headers: Mapping[str, str] | None = None
) -> func.HttpRequest:
    """As azure-functions makes it of the host's message: lower-case names, the URL as it was sent."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = principal() if headers is None else dict(headers)
    if body is not None:
        sent = {"Content-Type": "application/json", "Content-Length": str(len(data)), **sent}
    return HttpRequest(
        method=method,
        url=f"https://boatyard.azurewebsites.net{path}{'?' if query else ''}{query}",
        headers={name.lower(): value for name, value in sent.items()},
        params={},
        route_params={"path": path.lstrip("/")},
        body_type="bytes",
        body=data,
    )


def blob_created(name: str, *, account: str = ACCOUNT, container: str = CONTAINER) -> dict[str, Any]:
    """https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage#microsoftstorageblobcreated-event"""
    return {
        "topic": f"{_SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts/{account}",
        "subject": f"/blobServices/default/containers/{container}/blobs/{name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-06-26T18:41:00.9584103Z",
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": {
            "api": "PutBlockList",
            "clientRequestId": "6d79dbfb-0e37-4fc4-981f-442c9ca65760",
            "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
            "eTag": "0x8D4BCC2E4835CD0",
            "contentType": "application/json",
            "contentLength": 524288,
            "blobType": "BlockBlob",
            "url": f"https://{account}.blob.core.windows.net/{container}/{name}",
            "sequencer": "00000000000004420000000000028963",
            "storageDiagnostics": {"batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0"},
        },
        "dataVersion": "",
        "metadataVersion": "1",
    }


def image_pushed(host: str, repository: str, tag: str | None = "1") -> dict[str, Any]:
    """https://learn.microsoft.com/azure/event-grid/event-schema-container-registry#microsoftcontainerregistryimagepushed-event"""
    registry = host.partition(".")[0]
    target = {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "size": 3023,
        "digest": "sha256:" + "0" * 64,
        "length": 3023,
        "repository": repository,
        **({"tag": tag} if tag else {}),
    }
    return {
        "id": "831e1650-001e-001b-66ab-eeb76e069632",
        "topic": f"{_SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries/{registry}",
        "subject": f"{repository}:{tag}",
        "eventType": "Microsoft.ContainerRegistry.ImagePushed",
        "data": {
            "id": "31c51664-e5bd-416a-a5df-e5206bc47ed0",
            "timestamp": "2026-04-25T21:39:47.6549614Z",
            "action": "push",
            "target": target,
            "request": {
                "id": "7c66f28b-de19-40a4-821c-6f5f6c0003a4",
                "host": host,
                "method": "PUT",
                "useragent": "docker/28.5.1 go/go1.24",
            },
        },
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-04-25T21:39:47.6549614Z",
    }


def as_cloud_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """https://learn.microsoft.com/azure/event-grid/cloud-event-schema"""
    return {
        "specversion": "1.0",
        "type": event["eventType"],
        "source": event["topic"],
        "id": event["id"],
        "time": event["eventTime"],
        "subject": event["subject"],
        "data": event["data"],
    }
