"""The only place that constructs things. One Parts for each function instance; a part is made when it is needed, and
kept between invocations."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from boatyard.ports import ContextStore, DeploymentKey, JobRunner, Registry, SecretStore
from boatyard.settings import Settings
from boatyard_aws.clients import Clients
from boatyard_aws.configuration import Configuration, configure
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.deployment import Deployment
from boatyard_serverless.lazy import LazyJobRunner, LazySecretStore
from boatyard_serverless.registries import RegistryByHost, any_registry

if TYPE_CHECKING:
    from boatyard_aws.bucket import S3Bucket
    from boatyard_aws.events import EventApp
    from boatyard_aws.http import HttpApp
    from boatyard_aws.queue import SqsDeadLetters, SqsWorkQueue
    from boatyard_aws.telemetry import PowertoolsTelemetry
    from boatyard_kubernetes import Cluster

_POLL_SECONDS = {"codebuild": 2.0, "kubernetes": 1.0}


class Parts:
    """Implements `boatyard_serverless.deployment.Parts`."""

    cloud = "aws"

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self.clients = Clients()
        self.clock = SystemClock()
        self.deployment = Deployment(self)

    @cached_property
    def configuration(self) -> Configuration:
        return configure(self._variables, self.clients)

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    @property
    def pin_bases(self) -> bool:
        return self.configuration.pin_bases

    @property
    def runner_name(self) -> str:
        return self.configuration.runner

    @property
    def poll_seconds(self) -> float:
        return _POLL_SECONDS[self.configuration.runner]

    @cached_property
    def telemetry(self) -> "PowertoolsTelemetry":
        from boatyard_aws.telemetry import PowertoolsTelemetry

        return PowertoolsTelemetry(tracing=self._variables.get("BOATYARD_TRACING", "").lower() == "true")

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

    @cached_property
    def bucket(self) -> "S3Bucket":
        from boatyard_aws.bucket import S3Bucket

        return S3Bucket(self.clients, self.configuration.bucket)

    @cached_property
    def queue(self) -> "SqsWorkQueue":
        from boatyard_aws.queue import SqsWorkQueue

        return SqsWorkQueue(self.clients, self.configuration.queue)

    @cached_property
    def dead_letters(self) -> "SqsDeadLetters":
        from boatyard_aws.queue import SqsDeadLetters

        return SqsDeadLetters(self.clients, self.configuration.dead_letters)

    @cached_property
    def registry(self) -> Registry:
        from boatyard_aws.registry import parse_host

        return RegistryByHost(
            self._ecr, lambda: any_registry(self.settings), is_own=lambda host: parse_host(host) is not None
        )

    @cached_property
    def contexts(self) -> ContextStore:
        from boatyard_aws.contexts import S3ContextStore

        return S3ContextStore(self.clients, self.configuration.bucket, self.clock)

    @cached_property
    def deployment_key(self) -> DeploymentKey:
        from boatyard_aws.deployment_key import SecretsManagerKey

        return SecretsManagerKey(self.clients, self.configuration.deployment_key)

    @cached_property
    def runner(self) -> JobRunner:
        return LazyJobRunner(self._kubernetes if self.configuration.runner == "kubernetes" else self._codebuild)

    @cached_property
    def secrets(self) -> SecretStore:
        on_cluster = self.configuration.runner == "kubernetes"
        return LazySecretStore(self._cluster_secrets if on_cluster else self._managed_secrets)

    def _ecr(self) -> Registry:
        from boatyard_aws.registry import EcrRegistry, NewRepositories

        configuration = self.configuration
        new = NewRepositories(allowed=configuration.create_repositories, tags=configuration.repository_tags)
        return EcrRegistry(self.clients, new, timeout_seconds=configuration.settings.limits.registry_timeout_seconds)

    def _codebuild(self) -> JobRunner:
        from boatyard_aws.build_service import CodeBuild, Project
        from boatyard_serverless.builds import ServiceJobRunner

        configuration = self.configuration
        project = Project(
            name=configuration.codebuild_project,
            log_group=configuration.codebuild_log_group,
            secret_prefix=configuration.secret_prefix,
        )
        service = CodeBuild(self.clients, project, configuration.bucket)
        return ServiceJobRunner(self.bucket, service, self.clock, self.settings)

    @cached_property
    def _cluster(self) -> "Cluster":
        from boatyard_aws.cluster import EksToken, find_cluster, single_config
        from boatyard_kubernetes import connect

        name, region = self.configuration.cluster, self.configuration.cluster_region
        address = find_cluster(self.clients, name, region=region)
        return connect(single_config(name, address), token=EksToken(self.clients, name, region=region))

    def _cluster_secrets(self) -> SecretStore:
        from boatyard_kubernetes import KubernetesSecretStore

        return KubernetesSecretStore(self._cluster, self.settings)

    def _managed_secrets(self) -> SecretStore:
        from boatyard_aws.secrets import SecretsManagerStore

        return SecretsManagerStore(self.clients, self.configuration.secret_prefix)

    def _kubernetes(self) -> JobRunner:
        from boatyard_kubernetes import KubernetesJobRunner

        return KubernetesJobRunner(self._cluster, self.settings, self.clock)
