"""The contract suites of build services, with a stand-in for Cloud Build."""

import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.builds.growing_log import BEGIN
from tests.contract.build_services import PlayedBuilds
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_build_service_played import *  # noqa: F403 - and those of a played container
from tests.gcp import cloud_build
from tests.gcp.site import builder

_STATUS = {"ended": "FAILURE", "stopped": "CANCELLED", "timed_out": "TIMEOUT"}


class PlayedCloudBuild(PlayedBuilds):
    def __init__(self, played: cloud_build.CloudBuild, rest: GoogleRest, bucket: str) -> None:
        super().__init__()
        self._played = played
        self._rest = rest
        self.service = CloudBuild(rest, builder(bucket))

    def run(self, build_id: str) -> None:
        self._played.of(build_id).status = "WORKING"

    def write(self, build_id: str, *lines: str) -> None:
        build = self._played.of(build_id)
        head = "" if build.log else f'starting build "{build.id}"\n\nFETCHSOURCE\nBUILD\n{BEGIN}\n'
        self._played.write(self._rest, build, head + "".join(f"{line}\n" for line in lines))

    def finish(self, build_id: str, state: str, reason: str = "") -> None:
        build = self._played.of(build_id)
        build.status, build.detail = _STATUS[state], reason

    def forget(self, build_id: str) -> None:
        del self._played.builds[self._played.of(build_id).id]


@pytest.fixture
def builds(cloud_build: cloud_build.CloudBuild, rest: GoogleRest, bucket: GcsBucket) -> PlayedCloudBuild:
    return PlayedCloudBuild(cloud_build, rest, bucket.name)
