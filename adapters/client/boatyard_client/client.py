"""A typed client of the API: one method per operation of `boatyard.api.operations`, and combinations of them."""

import copy
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from boatyard.api import messages
from boatyard.build import Build, State
from boatyard.context import Context
from boatyard.errors import Code
from boatyard_client.endpoint import Endpoint, require_endpoint
from boatyard_client.errors import ApiError, BuildFailedError, UploadForbiddenError
from boatyard_client.events import Accepted, Event, OnEvent, Packing, Uploading, Waiting
from boatyard_client.follow import follow
from boatyard_client.retry import Patience, persist
from boatyard_client.transport import ApiTransport

if TYPE_CHECKING:
    from boatyard_client.packing import Contents, ReadingProgress

T = TypeVar("T")

_UPLOAD: Final = Patience(seconds=120)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `ensure_image`."""

    answer: messages.BuildAnswer
    """The service's first answer: key, target, whether it was cached."""
    build: Build | None = None
    """The ended build; None for a cached answer, or without waiting."""
    image: str | None = None
    """`repo@sha256:…`; None only without waiting."""


class Client:
    """A client of one deployment. It retries requests within `patience`, if that is safe.

    Errors are ApiError (the service's own), ConnectionFailedError and ProtocolError; `ensure_image` and
    `result` also raise BuildFailedError. `over` replaces the network, for tests.
    """

    def __init__(
        self,
        endpoint: Endpoint | str = "",
        *,
        auth: httpx.Auth | None = None,
        patience: Patience | None = None,
        on_event: OnEvent | None = None,
        over: httpx.BaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint if isinstance(endpoint, Endpoint) else require_endpoint(endpoint)
        self._patience = patience or Patience()
        self._on_event = on_event
        self._transport = ApiTransport(self.endpoint, auth=auth, over=over)

    def telling(self, on_event: OnEvent) -> "Client":
        """The same client with the same connections and another receiver of events."""
        other = copy.copy(self)
        other._on_event = on_event
        return other

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def plan(self, order: messages.OrderRequest) -> messages.PlanAnswer:
        return self._ask("POST", "/v1/plans", messages.PlanAnswer, body=order)

    def ensure(self, order: messages.OrderRequest) -> messages.BuildAnswer:
        """Requests the image. Raises ApiError CONTEXT_MISSING if the context has to be uploaded first."""
        return self._ask("POST", "/v1/builds", messages.BuildAnswer, body=order)

    def build(self, build_id: str, *, wait: float = 0, patience: Patience | None = None) -> Build:
        """The build's state, after waiting at most `wait` seconds (up to 30) for its end."""
        path = f"/v1/builds/{quote(build_id, safe='')}"
        return self._ask("GET", path, Build, query=_query(wait=wait or None), patience=patience)

    def builds(
        self,
        *,
        project: str | None = None,
        domain: str | None = None,
        state: State | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> messages.BuildsAnswer:
        query = _query(project=project, domain=domain, state=state, pageSize=page_size, pageToken=page_token or None)
        return self._ask("GET", "/v1/builds", messages.BuildsAnswer, query=query)

    def logs(
        self, build_id: str, cursor: str = "", *, wait: float = 0, patience: Patience | None = None
    ) -> messages.LogsAnswer:
        """The lines after the cursor. Waits at most `wait` seconds for the first of them."""
        path = f"/v1/builds/{quote(build_id, safe='')}/logs"
        query = _query(cursor=cursor or None, wait=wait or None)
        return self._ask("GET", path, messages.LogsAnswer, query=query, patience=patience)

    def cancel(self, build_id: str) -> Build:
        return self._ask("POST", f"/v1/builds/{quote(build_id, safe='')}/cancel", Build)

    def image(self, reference: str) -> messages.ImageAnswer:
        return self._ask("GET", f"/v1/images/{quote(reference, safe='/:@')}", messages.ImageAnswer)

    def put_secret(self, name: str, secret: messages.SecretRequest) -> None:
        self._ask("PUT", f"/v1/secrets/{quote(name, safe='')}", type(None), body=secret)

    def secrets(self, *, project: str, domain: str) -> messages.SecretsAnswer:
        return self._ask("GET", "/v1/secrets", messages.SecretsAnswer, query=_query(project=project, domain=domain))

    def delete_secret(self, name: str, *, project: str, domain: str) -> None:
        path = f"/v1/secrets/{quote(name, safe='')}"
        self._ask("DELETE", path, type(None), query=_query(project=project, domain=domain))

    def capabilities(self) -> messages.CapabilitiesAnswer:
        return self._ask("GET", "/v1/capabilities", messages.CapabilitiesAnswer)

    def health(self) -> messages.HealthAnswer:
        return self._ask("GET", "/healthz", messages.HealthAnswer)

    def upload(self, context: Context, archive: IO[bytes]) -> bool:
        """Uploads the archive; False if it exists already. Retries broken uploads."""

        request = messages.ContextRequest(sha256=context.sha256, size=context.size)

        def announce() -> messages.ContextAnswer:
            return self._transport.ask("POST", "/v1/contexts", messages.ContextAnswer, body=request)

        def attempt() -> bool:
            answer = announce()
            if answer.exists or answer.upload_url is None:
                return False
            self._tell_sent(0, context.size)
            try:
                self._transport.put(
                    answer.upload_url,
                    archive,
                    context.size,
                    answer.headers,
                    lambda sent: self._tell_sent(sent, context.size),
                )
            except UploadForbiddenError:
                # Azure forbids what would overwrite: another upload of the same archive may have been faster.
                if not announce().exists:
                    raise
                return False
            return True

        return persist(attempt, _UPLOAD, on_wait=self._tell_waiting)

    def follow(self, build_id: str, *, on_event: OnEvent | None = None, cursor: str = "") -> Build:
        """Reports the build's log and progress until it ends, across restarts of the service."""
        client = self.telling(on_event) if on_event else self
        return follow(client, build_id, client._on_event, cursor=cursor)

    def ensure_image(
        self,
        order: messages.OrderRequest,
        contents: "Contents | None" = None,
        *,
        wait: bool = True,
        on_event: OnEvent | None = None,
    ) -> Outcome:
        """Finds or builds the image of an order, and reports events.

        The first request contains only the digests of the context's trees: a cached answer needs no archive. `contents`
        is packed and uploaded if the service requests it. After a KeyboardInterrupt, the build continues.
        Raises BuildFailedError if it ends without an image, ContextChangedError if files have changed since they were
        read.
        """
        client = self.telling(on_event) if on_event else self
        answer = client._ensure_uploaded(order, contents)
        if answer.id is None or answer.state is State.SUCCEEDED:
            return Outcome(answer=answer, image=answer.image)
        client._tell(
            Accepted(id=answer.id, key=answer.key, target=answer.target, state=answer.state, joined=answer.joined)
        )
        if not wait and not answer.state.ended:
            return Outcome(answer=answer)
        build = client.build(answer.id) if answer.state.ended else follow(client, answer.id, client._on_event)
        if build.state is not State.SUCCEEDED:
            raise BuildFailedError(build, answer.held)
        return Outcome(answer=answer, build=build, image=build.image)

    def _ensure_uploaded(self, order: messages.OrderRequest, contents: "Contents | None") -> messages.BuildAnswer:
        try:
            return self.ensure(order)
        except ApiError as error:
            if error.code != Code.CONTEXT_MISSING or contents is None:
                raise
        with contents.pack(self._tell_packing) as packed:
            self.upload(packed.context, packed.file)
            return self.ensure(msgspec.structs.replace(order, context=packed.context))

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: msgspec.Struct | None = None,
        query: dict[str, str] | None = None,
        patience: Patience | None = None,
    ) -> T:
        return persist(
            lambda: self._transport.ask(method, path, kind, body=body, query=query),
            patience or self._patience,
            on_wait=self._tell_waiting,
        )

    def _tell_waiting(self, reason: str, seconds: float) -> None:
        self._tell(Waiting(reason=reason, seconds=seconds))

    def _tell_packing(self, progress: "ReadingProgress") -> None:
        self._tell(Packing(files=progress.files, total=progress.total_files))

    def _tell_sent(self, sent: int, total: int) -> None:
        self._tell(Uploading(sent=sent, total=total))

    def _tell(self, event: Event) -> None:
        if self._on_event:
            self._on_event(event)


def _query(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}
