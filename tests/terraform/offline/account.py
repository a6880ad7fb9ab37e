"""An AWS account on loopback in its own process, and its contents."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any, Final

import boto3

from tests.ports import free_port
from tests.terraform.offline.cli import LOOPBACK, ROOT

REGION: Final = "eu-west-1"
_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "an-example"}
_LISTS: Final = {
    "cloudwatch logs": ("logs", "describe_log_groups", "logGroups", {}),
    "clusters": ("eks", "list_clusters", "clusters", {}),
    "codebuild projects": ("codebuild", "list_projects", "projects", {}),
    "functions": ("lambda", "list_functions", "Functions", {}),
    "key aliases": ("kms", "list_aliases", "Aliases", {}),
    "mappings": ("lambda", "list_event_source_mappings", "EventSourceMappings", {}),
    "policies": ("iam", "list_policies", "Policies", {"Scope": "Local"}),
    "queues": ("sqs", "list_queues", "QueueUrls", {}),
    "repositories": ("ecr", "describe_repositories", "repositories", {}),
    "roles": ("iam", "list_roles", "Roles", {}),
    "rules": ("events", "list_rules", "Rules", {}),
    "buckets": ("s3", "list_buckets", "Buckets", {}),
    "networks": ("ec2", "describe_vpcs", "Vpcs", {"Filters": [{"Name": "isDefault", "Values": ["false"]}]}),
    "addresses": ("ec2", "describe_addresses", "Addresses", {}),
}


class Account:
    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": LOOPBACK,
            **_CREDENTIALS,
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def everything(self) -> dict[str, list[Any]]:
        """The account's contents by kind, without empty kinds."""
        found = {
            kind: getattr(self.client(service), verb)(**asked).get(key, [])
            for kind, (service, verb, key, asked) in _LISTS.items()
        }
        if "key aliases" in found:  # those of AWS itself are always there
            found["key aliases"] = [a for a in found["key aliases"] if not a["AliasName"].startswith("alias/aws/")]
        return {kind: things for kind, things in found.items() if things}


@contextmanager
def account(log: Path) -> Iterator[Account]:
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.terraform.offline.cloud", str(port)], cwd=ROOT, stdout=out, stderr=out
        )
    try:
        _await(process, port)
        yield Account(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the account did not start")
