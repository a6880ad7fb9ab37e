"""boto3's clients: created on first use, kept between invocations, with limited retries and timeouts.

boto3 finds credentials and endpoints (https://docs.aws.amazon.com/boto3/latest/guide/credentials.html),
AWS_ENDPOINT_URL included.
"""

import os
import threading
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

    from boatyard_aws.service_models import Service

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
ECR_READ_SECONDS: Final = 4.0
ECR_ATTEMPTS: Final = 2
"""A lookup has ten seconds in total (`limits.registryTimeoutSeconds`), a second attempt included."""
ATTEMPTS: Final = 4
"""Attempts of each call, the first included. Between them, botocore's standard mode waits for a random part of 1, 2, 4
s (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html)."""


class Clients:
    """Thread-safe. Contains one session, and one client for each service, region and kind of endpoint."""

    def __init__(self, region: str = "", *, attempts: int = ATTEMPTS) -> None:
        self._region = region
        self._attempts = attempts
        self._session: Session | None = None
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._lock = threading.RLock()

    @property
    def session(self) -> "Session":
        with self._lock:
            if self._session is None:
                from boatyard_aws.service_models import session

                self._session = session()
            return self._session

    @property
    def region(self) -> str:
        """The function's region. Lambda and CodeBuild set both variables; containers often set only one."""
        if self._region:
            return self._region
        found = os.environ.get("AWS_REGION") or self.session.region_name
        return str(found or "us-east-1")

    def ecr(self, region: str = "", *, fips: bool = False) -> "ECRClient":
        return cast("ECRClient", self._client("ecr", region, fips=fips))

    def s3(self) -> "S3Client":
        return cast("S3Client", self._client("s3"))

    def codebuild(self) -> "CodeBuildClient":
        return cast("CodeBuildClient", self._client("codebuild"))

    def logs(self) -> "CloudWatchLogsClient":
        return cast("CloudWatchLogsClient", self._client("logs"))

    def eks(self, region: str = "") -> "EKSClient":
        return cast("EKSClient", self._client("eks", region))

    def sts(self, region: str = "") -> "STSClient":
        return cast("STSClient", self._client("sts", region))

    def secrets(self) -> "SecretsManagerClient":
        return cast("SecretsManagerClient", self._client("secretsmanager"))

    def sqs(self) -> "SQSClient":
        return cast("SQSClient", self._client("sqs"))

    def _client(self, service: "Service", region: str = "", *, fips: bool = False) -> Any:
        key = (service, region or self.region, fips)
        with self._lock:
            if key not in self._clients:
                make: Any = self.session.client  # Any, because the stubs have one overload for each service
                self._clients[key] = make(service, region_name=key[1], config=self._config(service, fips=fips))
            return self._clients[key]

    def _config(self, service: "Service", *, fips: bool) -> "Config":
        from botocore.config import Config

        return Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ECR_READ_SECONDS if service == "ecr" else READ_SECONDS,
            retries={
                "mode": "standard",
                "total_max_attempts": min(self._attempts, ECR_ATTEMPTS) if service == "ecr" else self._attempts,
            },
            # Without these, presigned URLs name the global endpoint, which redirects uploads to a new bucket's region;
            # a PUT that is signed for one host cannot follow a redirect to another.
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "virtual"} if service == "s3" else None,
            use_fips_endpoint=fips or None,
            user_agent_extra="boatyard",
        )
