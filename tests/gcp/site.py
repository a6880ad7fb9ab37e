"""A deployment on Google Cloud, over the stand-ins on loopback."""

import json
from typing import Any

from flask import Request

from boatyard.ports import Registry
from boatyard_gcp.build_settings import CloudBuildSettings
from boatyard_gcp.registry import ArtifactRegistry
from boatyard_gcp.registry.keychain import GoogleKeychain
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.wiring import Parts
from boatyard_registry import OciRegistry
from boatyard_registry.retries import Retries
from tests.gcp.artifact_registry import HOST, AtGoogle
from tests.gcp.cloud_build import ACCOUNT, LOCATION
from tests.gcp.metadata_server import PROJECT

IMAGE = f"{LOCATION}-docker.pkg.dev/{PROJECT}/boatyard/builder:1-engine"


def builder(bucket: str, **more: Any) -> CloudBuildSettings:
    chosen = {
        "project": PROJECT,
        "location": LOCATION,
        "image": IMAGE,
        "account": ACCOUNT,
        "bucket": bucket,
        "logs": f"gs://{bucket}/logs",
        **more,
    }
    return CloudBuildSettings(**chosen)


DEPLOYMENT_KEY = "boatyard-deployment-key"
REPOSITORY = f"{HOST}/{PROJECT}/images"
BASE = f"{HOST}/{PROJECT}/bases/base:1"
SPEC = {"baseImage": BASE, "pythonVersion": "3.12", "layers": [{"pipPackages": {"packages": ["six"]}}]}


def variables(bucket: str, **more: str) -> dict[str, str]:
    return {
        "BOATYARD_PROJECT": PROJECT,
        "BOATYARD_BUCKET": bucket,
        "BOATYARD_DEPLOYMENT_KEY": DEPLOYMENT_KEY,
        "BOATYARD_RUNNER": "cloudbuild",
        "BOATYARD_CLOUDBUILD_IMAGE": IMAGE,
        "BOATYARD_CLOUDBUILD_ACCOUNT": ACCOUNT,
        "BOATYARD_CLOUDBUILD_LOCATION": LOCATION,
        "BOATYARD_DEFAULT_REPOSITORY": REPOSITORY,
        "BOATYARD_INVOKERS_CHECKED": "true",
        **more,
    }


def order(**more: Any) -> dict[str, Any]:
    return {"spec": SPEC, "project": "ml", "domain": "dev", **more}


class Site(Parts):
    """The function in this process, with the real wiring except for the address of Artifact Registry's images."""

    def __init__(self, variables: dict[str, str], rest: GoogleRest, google: AtGoogle) -> None:
        super().__init__(variables)
        self.rest = rest
        self._google = google

    def make_registry(self) -> Registry:
        retries = Retries(attempts=1, first_pause_seconds=0.001)
        images = OciRegistry(keychain=GoogleKeychain(self.rest.identity), transport=self._google, retries=retries)
        return ArtifactRegistry(self.rest, images=images)

    def ask(self, request: Request) -> tuple[int, Any]:
        """Status and decoded body of the function's answer."""
        response = self.http_app.handle(request)
        body = response.get_data()
        return response.status_code, json.loads(body) if body else None
