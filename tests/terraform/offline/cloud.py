"""`python -m tests.terraform.offline.cloud PORT`: a moto server with additional APIs for Terraform.

moto keeps everything in memory: the process is the account.
"""

import json
import os
import sys
from typing import Any

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # read when moto is imported

from moto.codebuild.models import CodeBuildBackend
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from moto.sqs.models import Queue
from werkzeug.serving import WSGIRequestHandler, run_simple

from tests.terraform.offline.eks import WithEks, complete_clusters


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        pass


def keep_redrive_allow_policy() -> None:
    """SQS returns the value that was set. moto accepts and forgets it, and Terraform would wait for it."""
    name = "RedriveAllowPolicy"
    known = Queue.attributes.fget

    def attributes(self: Queue) -> dict[str, Any]:
        return {key: value for key, value in known(self).items() if key != name or value}

    Queue.redrive_allow_policy = None
    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, name]
    Queue.attributes = property(attributes)  # type: ignore[assignment]


def overlook_the_transport() -> None:
    """A loopback uses plain http, which Boatyard's bucket policies refuse. moto applies a Deny without checking its
    condition, so a statement that requires TLS is left out here, and tests read the policy as a document."""

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        document["Statement"] = [s for s in document["Statement"] if "aws:SecureTransport" not in json.dumps(s)]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def delete_projects_by_arn() -> None:
    """CodeBuild accepts a project's name or its ARN, moto only the name."""
    delete = CodeBuildBackend.delete_project

    def delete_project(self: CodeBuildBackend, project_name: str) -> None:
        delete(self, project_name.rpartition("/")[2])

    CodeBuildBackend.delete_project = delete_project


if __name__ == "__main__":
    keep_redrive_allow_policy()
    complete_clusters()
    overlook_the_transport()
    delete_projects_by_arn()
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        WithEks(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=_Quiet,
    )
