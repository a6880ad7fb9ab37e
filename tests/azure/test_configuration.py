"""One model, from variables, JSON, a file or the container."""

import json
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.configuration import Configuration, configure
from boatyard_serverless.memory import MemoryBucket

REGISTRY = "/subscriptions/1-2/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/images"
CLUSTER = "/subscriptions/1-2/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/dataplane"
VARIABLES = {
    "BOATYARD_DEFAULT_REPOSITORY": "images.azurecr.io/boatyard",
    "BOATYARD_STORAGE_ACCOUNT": "boatyard1",
    "BOATYARD_BUCKET": "boatyard",
    "BOATYARD_DEPLOYMENT_KEY": "https://boatyard-k.vault.azure.net/secrets/boatyard-deployment-key",
    "BOATYARD_RUNNER": "acrtasks",
    "BOATYARD_ACR_TASK": f"{REGISTRY}/tasks/builder",
    "BOATYARD_VAULT": "https://boatyard.vault.azure.net",
    "BOATYARD_REGISTRY_ID": REGISTRY,
}
SETTINGS = {"defaultRepository": "r.example/i", "limits": {"layers": 7}}


def made(**more: str) -> Configuration:
    return configure({**VARIABLES, **more}, lambda name: MemoryBucket())


def test_settings_are_json_in_a_variable_a_file_or_the_container(tmp_path: Path) -> None:
    text = json.dumps(SETTINGS)
    path = tmp_path / "settings.json"
    path.write_text(text)
    bucket = MemoryBucket()
    bucket.put("a/settings.json", text.encode())
    for given in (text, str(path), "az://settings/a/settings.json"):
        chosen = {name: value for name, value in VARIABLES.items() if name != "BOATYARD_DEFAULT_REPOSITORY"}
        settings = configure({**chosen, "BOATYARD_SETTINGS": given}, lambda name: bucket).settings
        assert settings.default_repository == "r.example/i" and settings.limits.layers == 7


def test_what_is_not_set_has_a_default() -> None:
    found = made()
    assert (found.queue, found.dead_letters, found.cluster, found.acr_pool) == ("", "", "", "")
    assert not found.anonymous and not found.invokers_checked and found.secret_prefix == "boatyard"


def test_a_cluster_needs_neither_task_nor_vault() -> None:
    found = made(BOATYARD_RUNNER="kubernetes", BOATYARD_CLUSTER=CLUSTER, BOATYARD_VAULT="", BOATYARD_ACR_TASK="")
    assert found.cluster == CLUSTER


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"BOATYARD_STORAGE_ACCOUNT": ""}, "BOATYARD_STORAGE_ACCOUNT"),
        ({"BOATYARD_BUCKET": ""}, "BOATYARD_BUCKET"),
        ({"BOATYARD_BUCKET": "Boatyard"}, "BOATYARD_BUCKET is no name of a container"),
        ({"BOATYARD_QUEUE": "a--b"}, "BOATYARD_QUEUE is no name of a queue"),
        ({"BOATYARD_DEAD_LETTERS": "a/b"}, "BOATYARD_DEAD_LETTERS is no name of a queue"),
        ({"BOATYARD_DEPLOYMENT_KEY": ""}, "BOATYARD_DEPLOYMENT_KEY"),
        ({"BOATYARD_DEPLOYMENT_KEY": "key"}, "address of a secret"),
        ({"BOATYARD_DEPLOYMENT_KEY": "http://v.example/secrets/key"}, "https address"),
        ({"BOATYARD_VAULT": "https://Boatyard-K.vault.azure.net/"}, "must not be among them"),
        ({"BOATYARD_VAULT": "boatyard-k"}, "must not be among them"),
        ({"BOATYARD_VAULT": ""}, "BOATYARD_VAULT is needed"),
        ({"BOATYARD_VAULT": "a"}, "name of a key vault"),
        ({"BOATYARD_ACR_TASK": ""}, "BOATYARD_ACR_TASK is needed"),
        ({"BOATYARD_RUNNER": "codebuild"}, "BOATYARD_RUNNER"),
        ({"BOATYARD_RUNNER": "kubernetes"}, "BOATYARD_CLUSTER is needed"),
        ({"BOATYARD_RUNNER": "kubernetes", "BOATYARD_CLUSTER": "dataplane"}, "BOATYARD_CLUSTER is no resource id"),
        ({"BOATYARD_CLUSTER": REGISTRY}, "BOATYARD_CLUSTER is no resource id"),
        ({"BOATYARD_REGISTRY_ID": CLUSTER}, "BOATYARD_REGISTRY_ID is no resource id"),
        ({"BOATYARD_INVOKERS_CHECKED": "true", "BOATYARD_ANONYMOUS": "true"}, "exclude each other"),
        ({"AZURE_AUTHORITY_HOST": "http://login.example"}, "AZURE_AUTHORITY_HOST is no https address"),
    ],
)
def test_a_wrong_variable_is_named(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(BoatyardError) as caught:
        made(**wrong)
    assert caught.value.code == "INVALID_SPEC" and words in caught.value.detail
