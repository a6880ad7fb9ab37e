"""Each cloud's root has the same outputs, under its cloud's own words, and the same sections of variables."""

import re
from typing import Final

import pytest

from tests.terraform.offline.cli import INFRA

ROOTS: Final = sorted(path.parent.name for path in INFRA.glob("*/url.tf"))
ALIKE: Final = {
    *("bucket", "builder_image", "builder_repository", "default_repository", "environment", "function_names"),
    *("namespaces", "url"),
}
"""Have one name on every cloud: scripts and examples use them without knowing the cloud."""
VARIABLES_ALIKE: Final = {"bundle", "cluster", "events", "function", "image_builder", "name", "projects", "repository"}
OWN: Final[dict[str, dict[str, str]]] = {
    "azure": {
        "builder_identities": "the builds' identities",
        "function_identity": "the functions' identities",
        "deployment_key_secret": "the key's secret",
        "queues": "events and dead letters",
        "insights": "logs",
        "cross_registry_grants": "another owner's repository",
        "publish_command": "uploads the bundle",
        "registry": "the registry's host",
        "token_scope": "of callers' tokens",
    },
    "aws": {
        "builder_role_arns": "the builds' identities",
        "function_role_arns": "the functions' identities",
        "deployment_key_secret_arn": "the key's secret",
        "queue_urls": "events and dead letters",
        "log_groups": "logs",
        "cross_account_repository_policy_json": "another owner's repository",
        "private_base_repository_policy_json": "another owner's repository of bases",
        "caller_policy_arn": "who may call",
        "caller_policy_json": "who may call, as a document",
        "kms_key_policy_json": "the policy of one's own key",
    },
    "gcp": {
        "builder_accounts": "the builds' identities",
        "function_accounts": "the functions' identities",
        "deployment_key_secret": "the key's secret",
        "topics": "events and dead letters",
        "logs_bucket": "logs",
        "cross_project_grants": "another owner's repository",
    },
}
"""Under the cloud's own word, and what it is."""
EVERYWHERE: Final = {
    *("the builds' identities", "the functions' identities", "the key's secret", "events and dead letters"),
    "another owner's repository",
}


@pytest.mark.parametrize("root", ROOTS)
def test_outputs_and_variables_that_are_alike_have_one_name(root: str) -> None:
    assert set(_named(root, "output")) >= ALIKE
    assert set(_named(root, "variable")) >= VARIABLES_ALIKE


@pytest.mark.parametrize("root", ROOTS)
def test_every_other_output_is_one_that_other_clouds_have_or_is_named_here(root: str) -> None:
    assert set(_named(root, "output")) - ALIKE == set(OWN[root])
    assert set(OWN[root].values()) >= EVERYWHERE


def test_the_roots_are_all_named_here() -> None:
    assert set(OWN) == set(ROOTS)


def _named(root: str, kind: str) -> list[str]:
    text = "".join(path.read_text() for path in sorted((INFRA / root).glob("*.tf")))
    return re.findall(rf'^{kind} "(\w+)"', text, re.M)
