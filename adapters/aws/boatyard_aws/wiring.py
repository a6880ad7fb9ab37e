"""The only place that constructs things. One Site for each function instance; its parts are made when needed
and kept between invocations."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from boatyard.ports import ContextStore, DeploymentKey, JobRunner, Registry, SecretStore
from boatyard.service import Service
from boatyard.settings import Settings
from boatyard_aws.clients import Clients
from boatyard_aws.clock import SystemClock
from boatyard_aws.configuration import Configuration, configure
from boatyard_aws.lazily import LazyCodec, LazyJobRunner, LazySecretStore
from boatyard_aws.registries import RegistryByHost

if TYPE_CHECKING:
    from boatyard.api import Api
    from boatyard.api.connect import ImageServiceCodec
    from boatyard_aws.bases import Orders, Pins
    from boatyard_aws.events import EventApp
    from boatyard_aws.http import HttpApp
    from boatyard_aws.observing import Observer
    from boatyard_kubernetes import Cluster

_POLL_SECONDS = {"codebuild": 2.0, "kubernetes": 1.0}


class Site:
    """Attributes raise BoatyardError if the configuration is not usable."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self.clients = Clients()
        self.clock = SystemClock()
        self._services: dict[bool, tuple[Settings, Service]] = {}
        self._api: tuple[Service, Api] | None = None

    @cached_property
    def configuration(self) -> Configuration:
        return configure(self._variables, self.clients)

    @cached_property
    def observer(self) -> "Observer":
        from boatyard_aws.observing import Observer

        return Observer(tracing=self._variables.get("BOATYARD_TRACING", "").lower() == "true")

    @cached_property
    def http_app(self) -> "HttpApp":
        from boatyard_aws.http import HttpApp

        configuration = self.configuration
        request_bytes = configuration.settings.limits.request_bytes
        return HttpApp(self.api, self.observer, request_bytes=request_bytes, anonymous=configuration.anonymous)

    @cached_property
    def event_app(self) -> "EventApp":
        from boatyard_aws.events.app import EventApp
        from boatyard_aws.events.base_pushed import BasePushed
        from boatyard_aws.events.dead_letters import DeadLetterQueue
        from boatyard_aws.events.dependents import PAGE, REBUILD, SOURCE, Dependents
        from boatyard_aws.events.drift import Drift
        from boatyard_aws.events.ordering import Ordering
        from boatyard_aws.events.work_queue import WorkQueue
        from boatyard_aws.s3 import Bucket

        bucket = Bucket(self.clients, self.configuration.bucket)
        ordering = Ordering(self.service_for_events, bucket)
        queue = WorkQueue(self.clients, self.configuration.queue)
        dependents = Dependents(self.service_for_events, self.orders, self.pins, queue)
        pushed = BasePushed(self.registry, self.orders, self.pins, dependents)
        drift = Drift(self.registry, self.orders, self.pins, bucket, self.clock, self.observer)
        return EventApp(
            {
                ("aws.s3", "Object Created"): ordering.dropped,
                ("aws.ecr", "ECR Image Action"): pushed,
                ("aws.events", "Scheduled Event"): drift,
                ("aws.scheduler", "Scheduled Event"): drift,
                (SOURCE, PAGE): dependents.page,
                (SOURCE, REBUILD): dependents.rebuild,
            },
            ordering.message,
            DeadLetterQueue(self.clients, self.configuration.dead_letters),
            self.observer,
        )

    def api(self) -> "Api":
        from boatyard.api import Api
        from boatyard.api.handlers import Deployment

        service = self.service()
        if self._api is None or self._api[0] is not service:
            deployment = Deployment(cloud="aws", runners=(self.configuration.runner,))
            self._api = (service, Api(service, deployment, LazyCodec(_protobuf)))
        return self._api[1]

    def service(self) -> Service:
        """For callers that the function URL names."""
        return self._service(for_events=False)

    def service_for_events(self) -> Service:
        """Events have no caller: the queue's and the bucket's own policies say who may send them."""
        return self._service(for_events=True)

    @cached_property
    def registry(self) -> Registry:
        return RegistryByHost(self._ecr, self._oci)

    @cached_property
    def contexts(self) -> ContextStore:
        from boatyard_aws.s3 import S3ContextStore

        return S3ContextStore(self.clients, self.configuration.bucket, self.clock)

    @cached_property
    def orders(self) -> "Orders":
        from boatyard_aws.bases import Orders
        from boatyard_aws.s3 import Bucket

        return Orders(Bucket(self.clients, self.configuration.bucket))

    @cached_property
    def pins(self) -> "Pins":
        from boatyard_aws.bases import Pins
        from boatyard_aws.s3 import Bucket

        return Pins(Bucket(self.clients, self.configuration.bucket))

    @cached_property
    def runner(self) -> JobRunner:
        return LazyJobRunner(self._kubernetes if self.configuration.runner == "kubernetes" else self._codebuild)

    @cached_property
    def deployment_key(self) -> DeploymentKey:
        from boatyard_aws.deployment_key import SecretsManagerKey

        return SecretsManagerKey(self.clients, self.configuration.deployment_key)

    @cached_property
    def secrets(self) -> SecretStore:
        on_cluster = self.configuration.runner == "kubernetes"
        return LazySecretStore(self._cluster_secrets if on_cluster else self._managed_secrets)

    def _service(self, *, for_events: bool) -> Service:
        configuration = self.configuration
        settings = self.pins.applied(configuration.settings) if configuration.pin_bases else configuration.settings
        if for_events:
            access = msgspec.structs.replace(settings.access, callers=())
            settings = msgspec.structs.replace(settings, access=access)
        known = self._services.get(for_events)
        if known is None or known[0] != settings:
            known = self._services[for_events] = (settings, self._make_service(settings))
        return known[1]

    def _make_service(self, settings: Settings) -> Service:
        kind: type[Service] = Service
        if self.configuration.pin_bases:
            from boatyard_aws.bases import RememberingService as kind
        service = kind(
            settings,
            registry=self.registry,
            runner=self.runner,
            contexts=self.contexts,
            secrets=self.secrets,
            deployment_key=self.deployment_key,
            clock=self.clock,
            poll_seconds=_POLL_SECONDS[self.configuration.runner],
        )
        if self.configuration.pin_bases:
            service.orders = self.orders  # type: ignore[attr-defined]
            service.on_forgotten = lambda build, error: self.observer.refused(  # type: ignore[attr-defined]
                "order not remembered", error, build=build.id
            )
        return service

    def _ecr(self) -> Registry:
        from boatyard_aws.ecr import EcrRegistry, NewRepositories

        configuration = self.configuration
        new = NewRepositories(allowed=configuration.create_repositories, tags=configuration.repository_tags)
        return EcrRegistry(self.clients, new, timeout_seconds=configuration.settings.limits.registry_timeout_seconds)

    def _oci(self) -> Registry:
        from boatyard_registry import OciRegistry

        settings = self.configuration.settings
        return OciRegistry(
            insecure=settings.insecure_registries,
            ca_bundle=settings.network.ca_bundle,
            timeout_seconds=settings.limits.registry_timeout_seconds,
        )

    def _codebuild(self) -> JobRunner:
        from boatyard_aws.codebuild import CodeBuildJobRunner, Project

        configuration = self.configuration
        project = Project(
            name=configuration.codebuild_project,
            log_group=configuration.codebuild_log_group,
            secret_prefix=configuration.secret_prefix,
        )
        return CodeBuildJobRunner(self.clients, configuration.bucket, project, self.clock, configuration.settings)

    @cached_property
    def _cluster(self) -> "Cluster":
        from boatyard_aws.eks import EksToken, find_cluster
        from boatyard_aws.eks.kubeconfig import single_config
        from boatyard_kubernetes import connect

        name, region = self.configuration.cluster, self.configuration.cluster_region
        address = find_cluster(self.clients, name, region=region)
        return connect(single_config(name, address), token=EksToken(self.clients, name, region=region))

    def _cluster_secrets(self) -> SecretStore:
        from boatyard_kubernetes import KubernetesSecretStore

        return KubernetesSecretStore(self._cluster, self.configuration.settings)

    def _managed_secrets(self) -> SecretStore:
        from boatyard_aws.secrets import SecretsManagerStore

        return SecretsManagerStore(self.clients, self.configuration.secret_prefix)

    def _kubernetes(self) -> JobRunner:
        from boatyard_kubernetes import KubernetesJobRunner

        return KubernetesJobRunner(self._cluster, self.configuration.settings, self.clock)


def _protobuf() -> "ImageServiceCodec":
    from boatyard_connect import ProtobufCodec

    return ProtobufCodec()
