"""Requests to the API server, one method per verb, with the errors of `refusals`.

lightkube's generic client carries the requests: typed objects, kubeconfig, in-cluster tokens. Its `Client`
hides what is needed here: continue tokens, preconditions, Retry-After, a log's sinceTime and limitBytes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar

import httpx2
import msgspec
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import BasicRequest, GenericSyncClient
from lightkube.core.resource import NamespacedResourceG, Resource, api_info
from lightkube.models.meta_v1 import DeleteOptions, Preconditions
from lightkube.resources.core_v1 import PodLog
from lightkube.types import PatchType

from boatyard.decoding import prepared
from boatyard.errors import BoatyardError, Code
from boatyard_kubernetes.decoding import make_ready
from boatyard_kubernetes.exchange import Deadlines, Exchange
from boatyard_kubernetes.names import FIELD_MANAGER
from boatyard_kubernetes.refusals import ClusterCall, ClusterRefusal, Expired, RefusalReason, refused, unreached

R = TypeVar("R", bound=Resource)
ALL: Final = "*"
_PAGE: Final = 500
"""Objects per request, as in kubectl."""
_READS: Final = 3
_SHORT_WAIT: Final = 2.0
"""Longest Retry-After to wait for; the caller can retry after a longer one."""


_LONGEST_VERSION: Final = 100


class _Version(msgspec.Struct):
    """version.Info of k8s.io/apimachinery, as far as it is used."""

    gitVersion: str = ""


class Token(Protocol):
    """A bearer token that renews itself: those of EKS, GKE and AKS are valid for minutes."""

    def __call__(self) -> str: ...


class _Bearer(httpx2.Auth):
    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token()}"
        yield request


class _Params(ConnectionParams):
    """lightkube's own parameters, with a token that renews itself."""

    bearer: Token | None = None

    def httpx_params(self, config: SingleConfig) -> dict[str, Any]:
        params: dict[str, Any] = super().httpx_params(config)
        return params if self.bearer is None else {**params, "auth": _Bearer(self.bearer)}


def connect(
    config: KubeConfig | SingleConfig | None = None,
    *,
    token: Token | None = None,
    connect_seconds: float = 5.0,
    read_seconds: float = 20.0,
    operation_seconds: float = 25.0,
    trust_env: bool = True,
) -> "Cluster":
    """Connects to a cluster, by default with the pod's own service account, else KUBECONFIG. `operation_seconds` is the
    deadline for all requests of one call of the runner. Raises DATAPLANE_DENIED."""
    params = _Params(timeout=httpx2.Timeout(read_seconds, connect=connect_seconds), trust_env=trust_env)
    params.bearer = token
    try:
        client = GenericSyncClient(params, config, field_manager=FIELD_MANAGER)
        return Cluster(client, Deadlines(connect_seconds, read_seconds, operation_seconds))
    except (ConfigError, OSError, KeyError, ValueError) as error:
        raise BoatyardError(Code.DATAPLANE_DENIED, f"no way to the cluster: {error}") from None


class Cluster:
    """Thread-safe, like httpx's client. Reads are retried if that is harmless. Writes never are, because it is unknown
    whether they happened: the caller decides."""

    def __init__(
        self, client: GenericSyncClient, patience: Deadlines, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._exchange = Exchange(client, patience)
        self._pause = pause

    def in_time(self) -> AbstractContextManager[None]:
        """Sets one deadline for all requests of this thread in the body."""
        return self._exchange.in_time()

    def now(self, own: float) -> float:
        """The API server's time, if the `own` clock differs (`Exchange.now`)."""
        return self._exchange.now(own)

    def create(self, obj: R, namespace: str | None, *, dry_run: bool = False) -> R:
        """Creates an object. Raises Exists, or the errors of `refusals`."""
        params = {"dryRun": "All"} if dry_run else {}
        made: R = self._ask("create", type(obj), obj=obj, namespace=namespace, params=params)
        return made

    def get(self, kind: type[R], name: str, namespace: str | None) -> R:
        """Raises Absent."""
        found: R = self._ask("get", kind, name=name, namespace=namespace)
        return found

    def find(
        self, kind: type[R], namespace: str | None, *, labels: str = "", fields: str = "", size: int = _PAGE
    ) -> list[R]:
        """All matching objects, read consistently. `namespace` None means the whole cluster.

        A list whose continue token expires (410) starts again in one piece, as in client-go's pager.
        """
        try:
            return [
                obj for page in self.pages(kind, namespace, labels=labels, fields=fields, size=size) for obj in page
            ]
        except Expired:
            pages = self.pages(kind, namespace, labels=labels, fields=fields, size=0)
            return [obj for page in pages for obj in page]

    def pages(
        self, kind: type[R], namespace: str | None, *, labels: str = "", fields: str = "", size: int = _PAGE
    ) -> Iterator[list[R]]:
        """Raises Expired."""
        params = {"labelSelector": labels, "fieldSelector": fields, "limit": str(size) if size else ""}
        params = {name: value for name, value in params.items() if value}
        where = ALL if namespace is None and issubclass(kind, NamespacedResourceG) else namespace
        while True:
            more, _, items = self._ask("list", kind, namespace=where, params=params)
            yield items
            if not more:
                return

    def merge(self, kind: type[R], name: str, namespace: str, patch: dict[str, Any]) -> R:
        """A JSON merge patch (RFC 7386). Raises Absent, or Changed if it names another resourceVersion."""
        headers = {"Content-Type": PatchType.MERGE.value}
        made: R = self._ask("patch", kind, obj=patch, name=name, namespace=namespace, headers=headers)
        return made

    def apply(self, obj: R, name: str, namespace: str) -> R:
        """Server-side apply: creates or changes an object in one request, without reading it."""
        headers = {"Content-Type": PatchType.APPLY.value}
        made: R = self._ask(
            "patch", type(obj), obj=obj, name=name, namespace=namespace, headers=headers, params={"force": "true"}
        )
        return made

    def delete(self, kind: type[R], name: str, namespace: str, *, unchanged: Preconditions | None = None) -> None:
        """Deletes an object with its dependents in the background. Raises Absent, or Changed if `unchanged` fails."""
        options = DeleteOptions(preconditions=unchanged, propagationPolicy="Background")
        self._ask("delete", kind, name=name, namespace=namespace, body=options)

    def log(self, pod: str, namespace: str, *, tries: int = _READS, **params: str | None) -> bytes:
        """A container's raw log. Raises Absent, or NotReady before the container has started."""
        call = ClusterCall("get", "pods/log", namespace, pod)
        query = {name: value for name, value in params.items() if value is not None}
        request = self._client.prepare_request("get", PodLog, name=pod, namespace=namespace, params=query)
        data: bytes = self._send(call, request, lambda response: response.content, tries=tries)
        return data

    def version(self) -> str:
        """The API server's `gitVersion`, which every user may read (system:public-info-viewer). Raises Absent."""
        request = BasicRequest(method="GET", url="version")

        def read(response: httpx2.Response) -> str:
            return msgspec.json.decode(response.content, type=prepared(_Version)).gitVersion[:_LONGEST_VERSION]

        found: str = self._send(ClusterCall("get", "version", None), request, read)
        return found

    def _ask(
        self,
        verb: str,
        kind: type[R],
        *,
        obj: Any = None,
        name: str | None = None,
        namespace: str | None = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: msgspec.Struct | None = None,
    ) -> Any:
        make_ready(kind)
        info = api_info(kind)
        method = "post" if verb == "create" else verb
        where = namespace if namespace != ALL else None
        group = f".{info.resource.group}" if info.resource.group else ""
        call = ClusterCall(verb, info.plural + group, where, name or (obj.metadata.name if method == "post" else None))
        request = self._client.prepare_request(
            method, kind, obj, name, namespace, params=dict(params or {}), headers=headers
        )
        if body is not None:
            request.data = body

        def read(response: httpx2.Response) -> Any:
            answer = self._client.handle_response(method, response, request)
            if params is not None and "continue" in request.params:
                params["continue"] = request.params["continue"]
            return answer

        return self._send(call, request, read)

    def _send(
        self, call: ClusterCall, request: BasicRequest, read: Callable[[httpx2.Response], Any], *, tries: int = _READS
    ) -> Any:
        for left in reversed(range(tries if request.method == "GET" else 1)):
            try:
                response = self._exchange.answer(request)
            except (httpx2.HTTPError, httpx2.InvalidURL, ConfigError) as error:
                refusal = unreached(call, error)
            else:
                if response.is_success:
                    return self._read(call, response, read)
                refusal = refused(call, response)
            if not left or not self._worth_another(refusal):
                raise refusal
        raise AssertionError("unreachable")

    @staticmethod
    def _read(call: ClusterCall, response: httpx2.Response, read: Callable[[httpx2.Response], Any]) -> Any:
        try:
            return read(response)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the API server's answer to {call}: {error}") from None

    def _worth_another(self, refusal: Exception) -> bool:
        if not isinstance(refusal, BoatyardError) or refusal.code != Code.DATAPLANE_UNAVAILABLE:
            return False
        if self._exchange.is_over:
            return False  # a pause would exceed the deadline
        wait = refusal.retry_after_seconds or 0
        asked_to_wait = isinstance(refusal, ClusterRefusal) and refusal.reason is RefusalReason.ASKED_TO_WAIT
        if wait > _SHORT_WAIT and asked_to_wait:
            return False
        self._pause(min(wait, 0.3))
        return True
