"""A deployment on Google Cloud, over the stand-ins on loopback."""

from typing import Any

from boatyard_gcp.builder import Builder
from tests.gcp.cloud_build import ACCOUNT, LOCATION
from tests.gcp.metadata_server import PROJECT

IMAGE = f"{LOCATION}-docker.pkg.dev/{PROJECT}/boatyard/builder:1-engine"


def builder(bucket: str, **more: Any) -> Builder:
    chosen = {
        "project": PROJECT,
        "location": LOCATION,
        "image": IMAGE,
        "account": ACCOUNT,
        "bucket": bucket,
        "logs": f"gs://{bucket}/logs",
        **more,
    }
    return Builder(**chosen)
