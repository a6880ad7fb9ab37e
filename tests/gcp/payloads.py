"""Requests and events in the form that Google documents, with changes for each test."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from flask import Request
from werkzeug.test import EnvironBuilder

from tests.gcp.metadata_server import PROJECT

REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"
ADA = "ada@example.com"


def token(email: str = ADA, *, signature: str = REMOVED, **claims: Any) -> str:
    """A token as Cloud Run forwards it: https://cloud.google.com/run/docs/authenticating/service-to-service."""
    body = {
        "aud": "https://boatyard-abc-ew.a.run.app",
        "azp": "1",
        "email": email,
        "email_verified": True,
        "exp": 2_000_000_000,
        "iat": 1_999_996_400,
        "iss": "https://accounts.google.com",
        "sub": "113774264463038321964",
        **claims,
    }
    parts = ({"alg": "RS256", "kid": "85ba9313fd7a7d4afa84884abcc8403004363180", "typ": "JWT"}, body)
    return ".".join([*(encoded(json.dumps(part).encode()) for part in parts), signature])


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def request(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: str = "",
    email: str = ADA,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """`headers` are added to those of every request, and may replace its Authorization."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {
        "Host": "boatyard-abc-ew.a.run.app",
        "User-Agent": "boatyard",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Cloud-Trace-Context": "65011637f09e0a5179677a7429456db7/1027871334010811884;o=1",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token(email)}",
        **(headers or {}),
    }
    builder = EnvironBuilder(path=path, method=method, headers=sent, query_string=query, input_stream=None, data=data)
    return Request(builder.get_environ())


def finalized(bucket: str, name: str, *, generation: str = "1577652000000001") -> tuple[dict[str, str], dict[str, Any]]:
    """https://cloud.google.com/eventarc/docs/workflows/cloudevents, "Cloud Storage: object finalized"."""
    attributes = {
        "id": f"{generation}-1",
        "source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "specversion": "1.0",
        "type": "google.cloud.storage.object.v1.finalized",
        "subject": f"objects/{name}",
        "time": "2026-01-01T00:00:00.000000Z",
        "bucket": bucket,
    }
    return attributes, stored(bucket, name, generation)


def stored(bucket: str, name: str, generation: str) -> dict[str, Any]:
    """https://cloud.google.com/storage/docs/json_api/v1/objects#resource"""
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "contentType": "application/json",
        "timeCreated": "2026-01-01T00:00:00.000Z",
        "updated": "2026-01-01T00:00:00.000Z",
        "storageClass": "STANDARD",
        "size": "352",
        "md5Hash": "s0wC0Pd+pN/XSSeVQ+vaOw==",
        "crc32c": "fVs2Bg==",
        "etag": "CJDx2bCL/OUCEAE=",
    }


def published(
    body: bytes, *, attributes: Mapping[str, str] | None = None, topic: str = "work", number: int = 1
) -> tuple[dict[str, str], dict[str, Any]]:
    """https://cloud.google.com/eventarc/docs/cloudevents, "Pub/Sub": MessagePublishedData."""
    message = {
        "data": base64.b64encode(body).decode(),
        "attributes": dict(attributes or {}),
        "messageId": f"{2_070_443_601_311_540 + number}",
        "publishTime": "2026-01-01T00:00:00.000Z",
    }
    described = {
        "id": message["messageId"],
        "source": f"//pubsub.googleapis.com/projects/{PROJECT}/topics/{topic}",
        "specversion": "1.0",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "time": "2026-01-01T00:00:00.000Z",
    }
    return described, {"message": message, "subscription": f"projects/{PROJECT}/subscriptions/eventarc-{topic}"}


def notified(bucket: str, name: str, *, event: str = "OBJECT_FINALIZE") -> tuple[dict[str, str], dict[str, Any]]:
    """https://cloud.google.com/storage/docs/pubsub-notifications, "Notification format"."""
    attributes = {
        "notificationConfig": f"projects/_/buckets/{bucket}/notificationConfigs/1",
        "eventType": event,
        "payloadFormat": "JSON_API_V1",
        "bucketId": bucket,
        "objectId": name,
        "objectGeneration": "1577652000000001",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    body = json.dumps(stored(bucket, name, "1577652000000001")).encode()
    return published(body, attributes=attributes, topic="specs")


def image_pushed(reference: str, digest: str = "", *, action: str = "INSERT") -> tuple[dict[str, str], dict[str, Any]]:
    """https://cloud.google.com/artifact-registry/docs/configure-notifications#format"""
    body = {"action": action, "tag": reference}
    if digest:
        body["digest"] = f"{reference.rpartition(':')[0]}@{digest}"
    return published(json.dumps(body).encode(), topic="gcr")


def scheduled() -> tuple[dict[str, str], dict[str, Any]]:
    """Cloud Scheduler's message, as Terraform configures it."""
    return published(b"{}", attributes={"boatyard-event": "scheduled"})
