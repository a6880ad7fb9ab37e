"""The suites that BOATYARD_LIVE=gcp runs against a real project, run in part against Google Cloud on loopback.

The switch and the variables are the same; only the addresses differ. They pass, and leave no resources behind.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.id_tokens import fetch
from boatyard_gcp.rest import GoogleRest
from tests.contract.live_run import run_live
from tests.gcp.artifact_registry import HOST, AtGoogle, Repositories
from tests.gcp.cloud_build import ACCOUNT, GET, LOCATION, CloudBuild
from tests.gcp.cloud_run import CloudRun
from tests.gcp.discovery import Asked
from tests.gcp.functions import Functions
from tests.gcp.live import test_callers
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import EMAIL, PROJECT, MetadataServer
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, IMAGE, variables
from tests.gcp.steps import run_bare
from tests.registry.at_a_name import ProxyTo
from tests.registry.server import FakeRegistry


def make_builds_progress(cloud_build: CloudBuild, rest: GoogleRest) -> None:
    """Each look finds a build one state further. The step is the real one."""

    def get(asked: Asked) -> Any:
        build = cloud_build.builds.get(asked.params["name"].rpartition("/")[2])
        if build and build.status == "WORKING":
            done = run_bare(build)
            head = f'starting build "{build.id}"\n\nFETCHSOURCE\nBUILD\n'
            cloud_build.write(rest, build, f"{head}{done.stdout}PUSH\nDONE\n")
            build.status = "SUCCESS" if done.returncode == 0 else "FAILURE"
        elif build and build.status == "QUEUED":
            build.status = "WORKING"
        return cloud_build._get(asked)

    cloud_build.server.on(GET, get)


def test_they_pass_and_leave_nothing(
    bucket: GcsBucket,
    secrets: Secrets,
    iam: ApiServer,
    cloud_build: CloudBuild,
    rest: GoogleRest,
    repositories: Repositories,
    images: FakeRegistry,
    metadata: MetadataServer,
    tmp_path: Path,
) -> None:
    """Pub/Sub's suite is left out: it needs the emulator, on which test_contract_work_queue.py runs the same suite."""
    make_builds_progress(cloud_build, rest)
    named = {
        "BOATYARD_LIVE": "gcp",
        "BOATYARD_LIVE_BUCKET": bucket.name,
        "BOATYARD_LIVE_LOCATION": LOCATION,
        "BOATYARD_LIVE_CLOUDBUILD_IMAGE": IMAGE,
        "BOATYARD_LIVE_CLOUDBUILD_ACCOUNT": ACCOUNT,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
    }
    secrets.make(DEPLOYMENT_KEY)
    access = {"access": {"callers": [{"match": EMAIL}]}}
    with (
        ProxyTo(HOST, AtGoogle(images, repositories, metadata)) as proxy,
        proxy.ca.cert_pem.tempfile() as trusted,
        Functions("api", variables(bucket.name, BOATYARD_SETTINGS=json.dumps(access)), tmp_path) as function,
        CloudRun(function.url) as edge,
    ):
        there = {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": trusted, "BOATYARD_LIVE_URL": edge.url}
        left_out = f"--ignore={Path(test_callers.__file__).with_name('test_work_queue.py')}"
        ran = run_live("gcp", tmp_path, {**os.environ, **named, **there}, left_out, also="test_callers")
        with CloudRun(function.url, drops=True) as other, pytest.raises(AssertionError, match="cannot be relied on"):
            own = f"Bearer {fetch(other.url).text}"
            test_callers.test_the_header_that_is_not_checked_names_no_other_caller(other.url, own)
    assert ran.passed >= 17, ran.output[-2000:]
    assert ran.skipped == {"Cloud Storage goes by its own clock", "Artifact Registry itself cannot be made to fail"}
    assert list(bucket.keys("")) == [] and secrets.labels.keys() == {DEPLOYMENT_KEY} and repositories.found == {}
    assert sorted(build.status for build in cloud_build.builds.values()) == ["SUCCESS"] * 2
