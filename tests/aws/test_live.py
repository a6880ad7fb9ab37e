"""The suites that BOATYARD_LIVE=aws runs against a real account, run in part against AWS on loopback.

The switch and the variables are the same; only the endpoint differs. They pass, and leave no resources behind.
"""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from boatyard_aws.clients import Clients
from tests.aws.cloud import Cloud
from tests.aws.codebuild import PROJECT, CodeBuild, Played, write_log
from tests.aws.images import HOST
from tests.contract.live_run import run_live


class Layers:
    """ECR's uploads of layers, which moto lacks."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._data = b""
        cloud.actions |= {
            "InitiateLayerUpload": lambda asked: (200, {"uploadId": "1", "partSize": 10**7}),
            "UploadLayerPart": self._take,
            "CompleteLayerUpload": self._complete,
        }

    def _take(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self._data = base64.b64decode(asked["layerPartBlob"])
        return 200, {}

    def _complete(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        (digest,) = asked["layerDigests"]
        if digest != f"sha256:{hashlib.sha256(self._data).hexdigest()}":
            return 400, {"__type": "InvalidLayerException"}
        self._cloud.blobs[digest] = self._data
        return 200, {"layerDigest": digest}


class RunningCodeBuild(CodeBuild):
    """Builds that progress by themselves: each look finds a build one phase further. The job is the real one."""

    def _get(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for build in [self.builds[name] for name in asked["ids"] if name in self.builds]:
            if build.status != "IN_PROGRESS":
                continue
            if build.phase == "QUEUED":
                build.phase = "BUILD"
            else:
                run_job(self, build)
        return super()._get(asked)


def run_job(codebuild: CodeBuild, build: Played) -> None:
    command = build.parameters["buildspecOverride"].rpartition("python3 ")[2].split()
    variables = {**os.environ, **build.environment, "CODEBUILD_BUILD_ID": build.id}
    job = subprocess.run([sys.executable, *command], env=variables, capture_output=True, text=True, check=False)
    write_log(Clients(), build, job.stdout.splitlines())
    build.status = "SUCCEEDED" if job.returncode == 0 else "FAILED"


def test_they_pass_and_leave_nothing(cloud: Cloud, clients: Clients, bucket: str, tmp_path: Path) -> None:
    Layers(cloud)
    codebuild = RunningCodeBuild(cloud)
    queues = [clients.sqs().create_queue(QueueName=name)["QueueUrl"] for name in ("live", "live-dead")]
    secrets = {each["ARN"] for each in clients.secrets().list_secrets()["SecretList"]}
    named = {
        "BOATYARD_LIVE": "aws",
        "BOATYARD_LIVE_BUCKET": bucket,
        "BOATYARD_LIVE_QUEUE": queues[0],
        "BOATYARD_LIVE_DEAD_LETTERS": queues[1],
        "BOATYARD_LIVE_REGISTRY": HOST,
        "BOATYARD_LIVE_CODEBUILD_PROJECT": PROJECT,
        "BOATYARD_LIVE_CODEBUILD_BUCKET": bucket,
    }
    ran = run_live("aws", tmp_path, {**os.environ, **named})
    assert ran.passed >= 18, ran.output[-2000:]
    assert ran.skipped == {"ECR itself cannot be made to fail", "S3 goes by its own clock"}
    assert clients.s3().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    left = clients.secrets().list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert {each["ARN"] for each in left} == secrets
    assert clients.ecr().describe_repositories()["repositories"] == []
    assert sorted(build.status for build in codebuild.builds.values()) == ["SUCCEEDED"] * 2
