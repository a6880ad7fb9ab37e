"""Creates the parts of a function instance that every cloud creates in the same way.

A cloud's own `wiring` extends `CloudParts` with its own parts. Each part is created on first use, and kept between
invocations.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

import msgspec

from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.ports import ContextStore, DeploymentKey, JobRunner, Registry, SecretStore
from boatyard.settings import Settings
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.configuration import INLINE, KUBERNETES, FunctionConfiguration
from boatyard_serverless.deployment import Deployment
from boatyard_serverless.deployment_key import KeySecret, SecretDeploymentKey
from boatyard_serverless.lazy import LazyJobRunner, LazySecretStore
from boatyard_serverless.ports import Bucket, BuildService, DeadLetters, Telemetry, WorkQueue
from boatyard_serverless.registries import RegistryByHost, any_registry

if TYPE_CHECKING:
    from boatyard_kubernetes import Cluster
    from boatyard_serverless.builds.process import JobHost
    from boatyard_serverless.events.dispatch import Builds
    from boatyard_serverless.secrets import SecretService

_POLL_SECONDS: Final = 2.0
"""Each poll makes requests to the bucket and the build service, which cost money."""
_POLL_SECONDS_OF_CLUSTERS: Final = 1.0

T = TypeVar("T", bound=FunctionConfiguration)


class CloudParts(ABC, Generic[T]):
    """Implements `DeploymentParts`. Attributes raise BoatyardError if the configuration is
    invalid."""

    cloud: ClassVar[str]

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self.variables = variables
        self.clock = SystemClock()
        self.deployment = Deployment(self)

    @cached_property
    def configuration(self) -> T:
        return self.configure()

    @property
    def settings(self) -> Settings:
        settings = self.configuration.settings
        # Without the steps, a job gives the whole image to BuildKit.
        return msgspec.structs.replace(settings, layers="registry") if self.is_inline else settings

    @property
    def pin_bases(self) -> bool:
        return self.configuration.pin_bases

    @property
    def runner_names(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.configuration.runner, self.configuration.inline_other)))

    @property
    def poll_seconds(self) -> float:
        return _POLL_SECONDS_OF_CLUSTERS if self.on_cluster else _POLL_SECONDS

    @property
    def on_cluster(self) -> bool:
        return self.configuration.runner == KUBERNETES

    @cached_property
    def registry(self) -> Registry:
        return RegistryByHost(self.make_registry, lambda: any_registry(self.settings), is_own=self.is_own_registry)

    @cached_property
    def runner(self) -> JobRunner:
        return LazyJobRunner(self._runner_of_cluster if self.on_cluster else self._runner_of_service)

    @property
    def is_inline(self) -> bool:
        return self.configuration.runner == INLINE

    @property
    def builds(self) -> "Builds | None":
        if not self.is_inline:
            return None
        from boatyard_serverless.inline.building import InlineBuilding

        return InlineBuilding(
            self._job_host,
            self.clock,
            event_seconds=self.configuration.event_seconds,
            other=self.make_build_service if self.configuration.inline_other else None,
        )

    @property
    def refuse_order(self) -> Callable[[Order, Plan], None] | None:
        from boatyard_serverless.without_buildkit import refuse_run, refuse_run_in_cluster

        if self.is_inline and not self.configuration.inline_other:
            return refuse_run
        return refuse_run_in_cluster if self.on_cluster and self.settings.cluster_lacks_buildkit else None

    @cached_property
    def secrets(self) -> SecretStore:
        return LazySecretStore(self._secrets_of_cluster if self.on_cluster else self._secrets_of_service)

    @cached_property
    def bucket(self) -> Bucket:
        return self.make_bucket(self.configuration.bucket)

    @cached_property
    def queue(self) -> WorkQueue:
        return self.make_queue(self.configuration.queue)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return self.make_dead_letters(self.configuration.dead_letters)

    @cached_property
    def contexts(self) -> ContextStore:
        return self.make_contexts(self.configuration.bucket)

    @cached_property
    def deployment_key(self) -> DeploymentKey:
        return SecretDeploymentKey(self.make_key_secret(self.configuration.deployment_key))

    @cached_property
    def _cluster(self) -> "Cluster":
        return self.make_cluster()

    def _job_host(self) -> "JobHost":
        """What a job in this function needs, by the function's own identity."""
        from boatyard_serverless.builds.process import job_host

        return job_host(
            self.bucket,
            self.contexts,
            self.make_secret_service(),
            prefix=self.configuration.secret_prefix,
            helper=self.job_helper(),
            own_container=False,
        )

    def _runner_of_cluster(self) -> JobRunner:
        from boatyard_kubernetes import KubernetesJobRunner

        return KubernetesJobRunner(self._cluster, self.settings, self.clock)

    def _runner_of_service(self) -> JobRunner:
        from boatyard_serverless.builds import ServiceJobRunner

        service = self._inline_service() if self.is_inline else self.make_build_service()
        return ServiceJobRunner(self.bucket, service, self.clock, self.settings)

    def _inline_service(self) -> BuildService:
        from boatyard_serverless.builds.ledger import BucketLedger
        from boatyard_serverless.inline import InlineBuilds
        from boatyard_serverless.inline.routing import InlineOrOther

        inline = InlineBuilds(self.bucket, self.queue, self.clock)
        if not self.configuration.inline_other:
            return inline
        return InlineOrOther(inline, self.make_build_service(), BucketLedger(self.bucket))

    def _secrets_of_cluster(self) -> SecretStore:
        from boatyard_kubernetes import KubernetesSecretStore

        return KubernetesSecretStore(self._cluster, self.settings)

    def _secrets_of_service(self) -> SecretStore:
        from boatyard_serverless.secrets import ServiceSecretStore

        return ServiceSecretStore(self.make_secret_service(), self.configuration.secret_prefix)

    @abstractmethod
    def configure(self) -> T: ...

    @property
    @abstractmethod
    def telemetry(self) -> Telemetry:
        """Must not need the configuration: an invalid one is logged, too."""

    @abstractmethod
    def make_bucket(self, name: str) -> Bucket:
        """The deployment's bucket, or the one that contains the settings."""

    @abstractmethod
    def make_queue(self, name: str) -> WorkQueue: ...

    @abstractmethod
    def make_dead_letters(self, name: str) -> DeadLetters: ...

    @abstractmethod
    def make_contexts(self, bucket: str) -> ContextStore: ...

    @abstractmethod
    def make_key_secret(self, name: str) -> KeySecret:
        """The secret that contains the deployment's key."""

    @abstractmethod
    def is_own_registry(self, host: str) -> bool:
        """Whether the host, with its port, is the cloud's own registry."""

    @abstractmethod
    def make_registry(self) -> Registry:
        """Creates the lookup in the cloud's own registry."""

    @abstractmethod
    def make_build_service(self) -> BuildService: ...

    @abstractmethod
    def job_helper(self) -> tuple[str, str]:
        """The program and the module of the credential helper with which a job logs in to the cloud's registry."""

    @abstractmethod
    def make_secret_service(self) -> "SecretService":
        """The service that holds the secrets of builds by the cloud's build service."""

    @abstractmethod
    def make_cluster(self) -> "Cluster": ...
