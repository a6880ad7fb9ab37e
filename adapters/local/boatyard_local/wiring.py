"""The only module that constructs the parts of the embedded deployment."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from boatyard.api import Api
from boatyard.api.handlers import DeploymentFacts
from boatyard.build import Build
from boatyard.ports import Registry
from boatyard.service import Service
from boatyard.settings import Settings
from boatyard_buildkit.access import BuilderAccess
from boatyard_buildkit.docker_config import deployment_folder
from boatyard_connect import ProtobufCodec
from boatyard_local import durable
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.deployment_key import FileDeploymentKey
from boatyard_local.docker_login import DockerLogin
from boatyard_local.housekeeping import Housekeeping
from boatyard_local.jobs import Argv, LocalJobRunner
from boatyard_local.module_argv import module_argv
from boatyard_local.secret_store import FileSecretStore
from boatyard_local.state import BuildFolder, StateFolder
from boatyard_local.upload_url import UploadUrls, load_key
from boatyard_local.web.app import App
from boatyard_local.web.bearer import Bearer, make_token
from boatyard_local.web.hosts import Hosts
from boatyard_local.web.uploads import Uploads
from boatyard_registry import OciRegistry


class Wired(msgspec.Struct, frozen=True):
    app: App


@contextmanager
def wire(
    settings: Settings,
    state: StateFolder,
    *,
    url: str,
    port: int,
    host_names: Iterable[str] = (),
    argv: Argv | None = None,
    registry: Registry | None = None,
) -> Iterator[Wired]:
    """Opens all parts, and closes them when the block ends. Jobs continue.

    Tests use `argv` and `registry` to run without BuildKit or without a registry.
    """
    clock = SystemClock()
    urls = UploadUrls(url, load_key(state.upload_key))
    access = BuilderAccess(
        buildkit_uri=settings.buildkit_uri,
        buildkit=settings.buildkit,
        authentication_type=settings.authentication_type,
    )
    durable.write(state.buildkit, msgspec.json.encode(access))
    lookup = registry or _registry(settings)
    runner = LocalJobRunner(state, clock, argv=argv or job_argv(state), limits=settings.limits)
    contexts = FileContextStore(
        state.contexts, clock, urls, most_bytes=settings.limits.context_store_bytes, read_by_builds=runner.contexts
    ).open()
    runner.open()
    housekeeping = Housekeeping(runner, contexts)
    housekeeping.start()
    try:
        service = Service(
            settings,
            registry=lookup,
            runner=runner,
            contexts=contexts,
            secrets=FileSecretStore(state.secrets),
            deployment_key=FileDeploymentKey(state.deployment_key),
            clock=clock,
        )
        api = Api(service, DeploymentFacts(cloud="local", runners=(settings.buildkit.driver,)), ProtobufCodec())
        app = App(
            api,
            uploads=Uploads(contexts, urls, clock),
            hosts=Hosts(port, host_names),
            bearer=Bearer(make_token(state.token)),
            largest_body=settings.limits.request_bytes,
        )
        yield Wired(app)
    finally:
        housekeeping.close()
        runner.close()
        if isinstance(lookup, OciRegistry):
            lookup.close()


def job_argv(state: StateFolder) -> Argv:
    """The command line of a build's job: this Python with this code, without the job's folder in sys.path."""

    def argv(folder: BuildFolder, build: Build) -> list[str]:
        return [
            *module_argv("boatyard_buildkit"),
            *("--job", str(folder.job)),
            *("--out", str(folder.path)),
            *("--secrets", str(state.secrets / build.project / build.domain)),
            *("--buildkit", str(state.buildkit)),
            *("--cache", str(state.cache)),
        ]

    return argv


def _registry(settings: Settings) -> OciRegistry:
    return OciRegistry(
        keychain=DockerLogin(deployment_folder(settings.buildkit.docker_config)),
        insecure=settings.insecure_registries,
        ca_bundle=settings.network.ca_bundle,
        timeout_seconds=settings.limits.registry_timeout_seconds,
    )
