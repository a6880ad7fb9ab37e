"""Creates AWS's parts, one Parts for each function instance. No other module constructs them."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from boatyard.ports import ContextStore, Registry
from boatyard_aws.clients import Clients
from boatyard_aws.configuration import Configuration, configure
from boatyard_aws.registry.host import parse_host
from boatyard_serverless.deployment_key import KeySecret
from boatyard_serverless.ports import Bucket, BuildService, DeadLetters, WorkQueue
from boatyard_serverless.registries import NewRepositories
from boatyard_serverless.wiring import CloudParts

if TYPE_CHECKING:
    from boatyard_aws.events import EventApp
    from boatyard_aws.http import HttpApp
    from boatyard_aws.telemetry import PowertoolsTelemetry
    from boatyard_kubernetes import Cluster
    from boatyard_serverless.secrets import SecretService


class Parts(CloudParts[Configuration]):
    cloud = "aws"

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        super().__init__(variables)
        self.clients = Clients()

    def configure(self) -> Configuration:
        return configure(self.variables, self.make_bucket)

    @cached_property
    def telemetry(self) -> "PowertoolsTelemetry":
        from boatyard_aws.telemetry import PowertoolsTelemetry

        # Read directly, because the telemetry also logs an invalid configuration.
        return PowertoolsTelemetry(tracing=self.variables.get("BOATYARD_TRACING", "").lower() == "true")

    @cached_property
    def http_app(self) -> "HttpApp":
        from boatyard_aws.http import HttpApp

        return HttpApp(
            lambda: self.deployment.api,
            self.telemetry,
            request_bytes=self.settings.limits.request_bytes,
            anonymous=self.configuration.anonymous,
        )

    @cached_property
    def event_app(self) -> "EventApp":
        from boatyard_aws.events import EventApp

        return EventApp(self.deployment.dispatch, self.telemetry, bucket=self.configuration.bucket)

    def make_bucket(self, name: str) -> Bucket:
        from boatyard_aws.bucket import S3Bucket

        return S3Bucket(self.clients, name)

    def make_queue(self, name: str) -> WorkQueue:
        from boatyard_aws.queue import SqsWorkQueue

        return SqsWorkQueue(self.clients, name)

    def make_dead_letters(self, name: str) -> DeadLetters:
        from boatyard_aws.queue import sqs_dead_letters

        return sqs_dead_letters(self.clients, name)

    def make_contexts(self, bucket: str) -> ContextStore:
        from boatyard_aws.contexts import S3ContextStore

        return S3ContextStore(self.clients, bucket, self.clock)

    def make_key_secret(self, name: str) -> KeySecret:
        from boatyard_aws.deployment_key import SecretsManagerKey

        return SecretsManagerKey(self.clients, name)

    def is_own_registry(self, host: str) -> bool:
        return parse_host(host) is not None

    def make_registry(self) -> Registry:
        from boatyard_aws.registry import EcrRegistry

        configuration = self.configuration
        new = NewRepositories(allowed=configuration.create_repositories, tags=configuration.repository_tags)
        return EcrRegistry(self.clients, new, timeout_seconds=configuration.settings.limits.registry_timeout_seconds)

    def make_build_service(self) -> BuildService:
        from boatyard_aws.build_service import CodeBuild, CodeBuildProject

        configuration = self.configuration
        project = CodeBuildProject(
            name=configuration.codebuild_project,
            log_group=configuration.codebuild_log_group,
            secret_prefix=configuration.secret_prefix,
        )
        return CodeBuild(self.clients, project, configuration.bucket)

    def job_helper(self) -> tuple[str, str]:
        from boatyard_aws.credential import HELPER

        return HELPER, "boatyard_aws.credential"

    def make_secret_service(self) -> "SecretService":
        from boatyard_aws.secrets import SecretsManager

        return SecretsManager(self.clients)

    def make_cluster(self) -> "Cluster":
        from boatyard_aws.cluster import eks_token, find_cluster
        from boatyard_serverless.cluster import connect_to

        name, region = self.configuration.cluster, self.configuration.cluster_region
        address = find_cluster(self.clients, name, region=region)
        return connect_to(name, address, eks_token(self.clients, name, region=region))
