"""The contract suite of build services, with Cloud Build itself."""

import os
import uuid
from collections.abc import Iterator

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild
from boatyard_gcp.build_settings import CloudBuildSettings
from boatyard_gcp.rest import GoogleRest
from tests.contract.build_services import LiveBuilds
from tests.contract.live import FRESH, live, named
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("gcp")


@pytest.fixture(scope="session")
def builds(rest: GoogleRest, project: str) -> Iterator[LiveBuilds]:
    bucket = named("BOATYARD_LIVE_BUCKET")
    settings = CloudBuildSettings(
        project=project,
        location=named("BOATYARD_LIVE_LOCATION"),
        image=named("BOATYARD_LIVE_CLOUDBUILD_IMAGE"),
        account=named("BOATYARD_LIVE_CLOUDBUILD_ACCOUNT"),
        logs=f"gs://{bucket}/{FRESH}",
        bucket=bucket,
        pool=os.environ.get("BOATYARD_LIVE_CLOUDBUILD_POOL", ""),
    )
    yield LiveBuilds(CloudBuild(rest, settings), unknown=f"{settings.parent}/builds/{uuid.uuid4()}")
    written = GcsBucket(rest, bucket)
    for key in list(written.keys(f"{FRESH}/log-")):
        written.delete(key)
