"""The contract suites of build services, with a stand-in for ACR Tasks."""

import pytest

from boatyard_azure.build_service import AcrTasks
from boatyard_azure.rest import AzureRest
from boatyard_azure.stored_task import stored_task
from boatyard_serverless.builds.growing_log import BEGIN
from tests.azure.acr_tasks import HEAD, TASK, AcrTasksServer
from tests.contract.build_services import PlayedBuilds
from tests.contract.test_build_service import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_build_service_played import *  # noqa: F403 - and those of a played container

_STATUS = {"ended": "Failed", "stopped": "Canceled", "timed_out": "Timeout"}


class PlayedAcrTasks(PlayedBuilds):
    def __init__(self, played: AcrTasksServer) -> None:
        super().__init__()
        self._played = played
        self.service = AcrTasks(AzureRest(sleep=lambda _: None), stored_task(TASK))

    def run(self, build_id: str) -> None:
        self._played.of(build_id).status = "Running"

    def write(self, build_id: str, *lines: str) -> None:
        run = self._played.of(build_id)
        head = "" if run.log else f"{HEAD}{BEGIN}\n"
        run.log += (head + "".join(f"{line}\n" for line in lines)).encode()

    def finish(self, build_id: str, state: str, reason: str = "") -> None:
        run = self._played.of(build_id)
        run.status, run.message = _STATUS[state], reason

    def forget(self, build_id: str) -> None:
        del self._played.runs[self._played.of(build_id).id]


@pytest.fixture
def builds(acr_tasks: AcrTasksServer) -> PlayedAcrTasks:
    return PlayedAcrTasks(acr_tasks)
