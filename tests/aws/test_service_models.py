"""The session's loader gives botocore the same descriptions as its own."""

import json
from pathlib import Path
from typing import get_args

import pytest
from botocore.loaders import Loader

from boatyard_aws.clients import Clients
from boatyard_aws.service_models import Service, session

SERVICES = get_args(Service)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_a_description_is_botocores(service: str, kind: str) -> None:
    loader = session()._session.get_component("data_loader")
    assert loader.load_service_model(service, kind) == Loader().load_service_model(service, kind)


def test_so_are_the_endpoints() -> None:
    loader = session()._session.get_component("data_loader")
    assert loader.load_data("endpoints") == Loader().load_data("endpoints")


def test_each_service_that_clients_call_is_among_them(clients: Clients) -> None:
    made = (clients.codebuild(), clients.ecr(), clients.eks(), clients.logs(), clients.s3())
    more = (clients.secrets(), clients.sqs(), clients.sts())
    assert sorted(client.meta.service_model.service_name for client in (*made, *more)) == sorted(SERVICES)


def test_a_users_own_folder_of_descriptions_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    own = tmp_path / "ecr" / "2099-01-01" / "service-2.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"metadata": {"apiVersion": "2099-01-01"}}))
    found = session()._session.get_component("data_loader").load_service_model("ecr", "service-2")
    assert found["metadata"]["apiVersion"] == "2099-01-01"
