"""Creates Google Cloud's parts, one Parts for each function instance. No other module constructs them."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from boatyard.ports import ContextStore, Registry
from boatyard_gcp.configuration import Configuration, configure
from boatyard_gcp.registry.host import is_google_registry
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.telemetry import CloudLogging
from boatyard_serverless.deployment_key import KeySecret
from boatyard_serverless.ports import Bucket, BuildService, DeadLetters, WorkQueue
from boatyard_serverless.registries import NewRepositories
from boatyard_serverless.wiring import CloudParts

if TYPE_CHECKING:
    from boatyard_gcp.events import EventApp
    from boatyard_gcp.http import HttpApp
    from boatyard_kubernetes import Cluster
    from boatyard_serverless.secrets import SecretService


class Parts(CloudParts[Configuration]):
    cloud = "gcp"

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        super().__init__(variables)
        self.rest = GoogleRest()

    def configure(self) -> Configuration:
        return configure(self.variables, self.make_bucket)

    @cached_property
    def telemetry(self) -> CloudLogging:
        # Not from the configuration: errors in the configuration must be logged, too.
        return CloudLogging(self.variables.get("BOATYARD_PROJECT", ""))

    @cached_property
    def http_app(self) -> "HttpApp":
        from boatyard_gcp.http import HttpApp

        return HttpApp(
            lambda: self.deployment.api,
            self.telemetry,
            request_bytes=self.settings.limits.request_bytes,
            invokers_checked=self.configuration.invokers_checked,
            anonymous=self.configuration.anonymous,
        )

    @cached_property
    def event_app(self) -> "EventApp":
        from boatyard_gcp.events import EventApp

        configuration = self.configuration
        return EventApp(
            self.deployment.dispatch,
            self.telemetry,
            bucket=configuration.bucket,
            keeps_dead_letters=bool(configuration.dead_letters),
        )

    def make_bucket(self, name: str) -> Bucket:
        from boatyard_gcp.bucket import GcsBucket

        return GcsBucket(self.rest, name)

    def make_queue(self, name: str) -> WorkQueue:
        from boatyard_gcp.queue import PubSubWorkQueue

        return PubSubWorkQueue(self.rest, name)

    def make_dead_letters(self, name: str) -> DeadLetters:
        from boatyard_gcp.queue import pubsub_dead_letters

        return pubsub_dead_letters(self.rest, name)

    def make_contexts(self, bucket: str) -> ContextStore:
        from boatyard_gcp.contexts import GcsContextStore

        return GcsContextStore(self.rest, bucket, self.clock, account=self.configuration.signing_account)

    def make_key_secret(self, name: str) -> KeySecret:
        from boatyard_gcp.deployment_key import SecretManagerKey

        return SecretManagerKey(self.rest, name)

    def is_own_registry(self, host: str) -> bool:
        return is_google_registry(host)

    def make_registry(self) -> Registry:
        from boatyard_gcp.registry import ArtifactRegistry

        configuration = self.configuration
        new = NewRepositories(allowed=configuration.create_repositories, tags=configuration.repository_tags)
        return ArtifactRegistry(self.rest, new, timeout_seconds=self.settings.limits.registry_timeout_seconds)

    def make_build_service(self) -> BuildService:
        from boatyard_gcp.build_service import CloudBuild
        from boatyard_gcp.build_settings import CloudBuildSettings

        configuration = self.configuration
        builder = CloudBuildSettings(
            project=configuration.project,
            location=configuration.cloudbuild_location,
            image=configuration.cloudbuild_image,
            account=configuration.cloudbuild_account,
            logs=configuration.cloudbuild_logs,
            bucket=configuration.bucket,
            secret_prefix=configuration.secret_prefix,
            pool=configuration.cloudbuild_pool,
            machine=configuration.cloudbuild_machine,
            disk_gb=configuration.cloudbuild_disk_gb,
            queue_seconds=configuration.cloudbuild_queue_seconds,
        )
        return CloudBuild(self.rest, builder)

    def job_helper(self) -> tuple[str, str]:
        from boatyard_gcp.credential import HELPER

        return HELPER, "boatyard_gcp.credential"

    def make_secret_service(self) -> "SecretService":
        from boatyard_gcp.secrets import ProjectSecrets

        return ProjectSecrets(self.rest, self.configuration.project, kms_key=self.configuration.kms_key)

    def make_cluster(self) -> "Cluster":
        from boatyard_gcp.cluster import find_cluster
        from boatyard_serverless.cluster import connect_to

        name = self.configuration.cluster
        return connect_to(name.rpartition("/")[2], find_cluster(self.rest, name), self.rest.identity.token)
