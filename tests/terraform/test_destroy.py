"""`terraform destroy` leaves nothing. conftest runs it last, because it removes what other tests use."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.terraform.deployment import Deployment

pytestmark = pytest.mark.integration


def test_destroy_leaves_nothing(deployments: dict[str, "Future[Deployment]"]) -> None:
    made = {name: future.result() for name, future in deployments.items()}
    before = {name: set(deployment.account.everything()) for name, deployment in made.items()}
    assert {"functions", "queues", "buckets", "roles", "repositories"} <= before["no-cluster"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda deployment: deployment.terraform.destroy(), made.values()))
    for name, deployment in made.items():
        assert deployment.terraform.resources() == {}, name
        # its own cluster was there before Boatyard, and stays
        left = {"clusters"} if name == "existing-cluster" else set()
        assert set(deployment.account.everything()) == left, (name, deployment.account.everything())
