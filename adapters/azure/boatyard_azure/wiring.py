"""Creates Azure's parts, one Parts for each function instance. No other module constructs them."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from boatyard.ports import ContextStore, Registry
from boatyard_azure.configuration import Configuration, configure
from boatyard_azure.registry.host import is_azure_registry
from boatyard_azure.rest import AzureRest
from boatyard_azure.telemetry import InsightsTelemetry
from boatyard_serverless.deployment_key import KeySecret
from boatyard_serverless.ports import Bucket, BuildService, DeadLetters, WorkQueue
from boatyard_serverless.wiring import CloudParts

if TYPE_CHECKING:
    from boatyard_azure.events import EventApp
    from boatyard_azure.http import HttpApp
    from boatyard_kubernetes import Cluster
    from boatyard_serverless.secrets import SecretService


class Parts(CloudParts[Configuration]):
    cloud = "azure"

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        super().__init__(variables)
        self.rest = AzureRest(environ=variables)

    def configure(self) -> Configuration:
        return configure(self.variables, self.make_bucket)

    @cached_property
    def telemetry(self) -> InsightsTelemetry:
        return InsightsTelemetry()

    @cached_property
    def http_app(self) -> "HttpApp":
        from boatyard_azure.http import HttpApp

        return HttpApp(
            lambda: self.deployment.api,
            self.telemetry,
            request_bytes=self.settings.limits.request_bytes,
            invokers_checked=self.configuration.invokers_checked,
            anonymous=self.configuration.anonymous,
        )

    @cached_property
    def event_app(self) -> "EventApp":
        from boatyard_azure.events import EventApp

        return EventApp(
            self.deployment.dispatch,
            self.dead_letters,
            self.telemetry,
            account=self.configuration.storage_account,
            container=self.configuration.bucket,
        )

    def make_bucket(self, name: str) -> Bucket:
        from boatyard_azure.bucket import BlobBucket

        return BlobBucket(self.rest, self._account, name)

    def make_queue(self, name: str) -> WorkQueue:
        from boatyard_azure.queue import StorageWorkQueue

        return StorageWorkQueue(self.rest, self._account, name)

    def make_dead_letters(self, name: str) -> DeadLetters:
        from boatyard_azure.queue import storage_dead_letters

        return storage_dead_letters(self.rest, self._account, name)

    def make_contexts(self, bucket: str) -> ContextStore:
        from boatyard_azure.contexts import BlobContextStore

        return BlobContextStore(self.rest, self._account, bucket, self.clock)

    def make_key_secret(self, name: str) -> KeySecret:
        from boatyard_azure.deployment_key import KeyVaultKey

        return KeyVaultKey(self.rest, name, self.bucket)

    def is_own_registry(self, host: str) -> bool:
        return is_azure_registry(host, self.rest.endpoints.cloud.registry)

    def make_registry(self) -> Registry:
        from boatyard_azure.registry import AcrRegistry

        return AcrRegistry(
            self.rest,
            self.configuration.registry_id,
            timeout_seconds=self.settings.limits.registry_timeout_seconds,
        )

    def make_build_service(self) -> BuildService:
        from boatyard_azure.build_service import AcrTasks
        from boatyard_azure.stored_task import stored_task

        return AcrTasks(self.rest, stored_task(self.configuration.acr_task, self.configuration.acr_pool))

    def job_helper(self) -> tuple[str, str]:
        from boatyard_azure.credential import HELPER

        return HELPER, "boatyard_azure.credential"

    def make_secret_service(self) -> "SecretService":
        from boatyard_azure.secrets import VaultSecrets

        return VaultSecrets(self.rest, self.configuration.vault)

    def make_cluster(self) -> "Cluster":
        from boatyard_azure.cluster import find_cluster
        from boatyard_serverless.cluster import connect_to

        name = self.configuration.cluster
        audience = self.rest.endpoints.resource("cluster")
        return connect_to(
            name.rpartition("/")[2], find_cluster(self.rest, name), lambda: self.rest.identity.token(audience)
        )

    @property
    def _account(self) -> str:
        """Read directly, because the settings may be in the account's blobs."""
        return self.variables.get("BOATYARD_STORAGE_ACCOUNT", "").strip()
