"""Calls Cloud Build through google-cloud-build's client over REST, with `identity`'s tokens and a limited time.

It takes about a second to import, so `build_service` imports it only to start, look at or stop a build.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import requests
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.auth.credentials import Credentials
from google.cloud.devtools import cloudbuild_v1
from urllib3.exceptions import NewConnectionError

from boatyard_gcp.faults import GoogleError, refusal_of
from boatyard_gcp.identity import GoogleIdentity
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.rest import takes_token

T = TypeVar("T")

_ATTEMPT_SECONDS: Final = 15.0
_SECONDS: Final = 25.0
_LONGEST_MESSAGE: Final = 300
_PASSING: Final = (
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
)
_NOT_FOUND: Final = 404


class CloudBuildError(Exception):
    """The API answered with an error or did not answer."""

    def __init__(self, refusal: GoogleError | None, said: str, *, sent: bool = True) -> None:
        super().__init__(said)
        self.refusal = refusal
        """None if there was no answer."""
        self.said = said
        """Google's message for people, or the reason why there was no answer: printable, at most 300 characters."""
        self.sent = sent
        """False if the request was not sent because no connection could be made."""

    @property
    def is_uncertain(self) -> bool:
        """Whether the API may have carried out the request."""
        if self.refusal is None:
            return self.sent
        return self.refusal.status >= exceptions.InternalServerError.code


class DescribedBuild(NamedTuple):
    """A build as Cloud Build describes it."""

    status: str
    """The name of a Build.Status, or its number if this client does not know it."""
    detail: str
    """Details of the failure; empty if there is none."""
    failure: str
    """The name of a Build.FailureInfo.FailureType; empty if there is none."""
    finished: bool


class CloudBuildApi:
    """Raises CloudBuildError. Reads and cancellations are retried while the fault may pass; a creation is not."""

    def __init__(self, rest: GoogleRest) -> None:
        address = rest.address("cloudbuild")
        if not takes_token(address):
            raise CloudBuildError(
                None, f"{address} takes no access token: it is plain http on another machine", sent=False
            )
        self._google = cloudbuild_v1.CloudBuildClient(
            credentials=_OwnCredentials(rest.identity),
            transport="rest",
            client_options=ClientOptions(api_endpoint=address),
        )

    def create(self, parent: str, build: Mapping[str, Any]) -> str:
        """The id of the new build."""
        request = cloudbuild_v1.CreateBuildRequest(parent=parent, build=cloudbuild_v1.Build(dict(build)))
        operation = _asked(lambda: self._google.create_build(request=request, retry=None, timeout=_ATTEMPT_SECONDS))
        return str(operation.metadata.build.id)

    def get(self, name: str) -> DescribedBuild | None:
        request = cloudbuild_v1.GetBuildRequest(name=name)
        try:
            build = _asked(lambda: self._google.get_build(request=request, retry=_retry(), timeout=_ATTEMPT_SECONDS))
        except CloudBuildError as failed:
            if failed.refusal and failed.refusal.status == _NOT_FOUND:
                return None
            raise
        failure = build.failure_info
        named = _name(failure.type_) if failure and failure.type_ else ""
        detail = (failure.detail if failure else "") or build.status_detail
        return DescribedBuild(_name(build.status), _printable(detail), named, bool(build.finish_time))

    def cancel(self, name: str) -> None:
        request = cloudbuild_v1.CancelBuildRequest(name=name)
        _asked(lambda: self._google.cancel_build(request=request, retry=_retry(), timeout=_ATTEMPT_SECONDS))

    def find(self, parent: str, tag: str) -> str | None:
        """The id of the newest build with the tag."""
        request = cloudbuild_v1.ListBuildsRequest(parent=parent, filter=f'tags="{tag}"', page_size=1)
        found = _asked(lambda: self._google.list_builds(request=request, retry=_retry(), timeout=_ATTEMPT_SECONDS))
        return next((str(build.id) for build in found.builds), None)


class _OwnCredentials(Credentials):
    """Lets google-auth use a GoogleIdentity, which caches tokens itself."""

    def __init__(self, identity: GoogleIdentity) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._identity = identity

    def before_request(self, request: Any, method: Any, url: Any, headers: Any) -> None:
        self.token = self._identity.token()
        self.apply(headers)  # type: ignore[no-untyped-call]

    def refresh(self, request: Any) -> None:
        """google-auth calls it when an API no longer accepts the token."""
        self.token = self._identity.token(refused=self.token or "")


def _retry() -> Retry:
    return Retry(
        predicate=lambda error: isinstance(error, _PASSING), initial=0.5, maximum=4.0, multiplier=2.0, timeout=_SECONDS
    )


def _asked(call: Callable[[], T]) -> T:
    try:
        return call()
    except exceptions.RetryError as error:
        raise _failed(error.cause) from None
    except (exceptions.GoogleAPIError, requests.exceptions.RequestException) as error:
        raise _failed(error) from None


def _failed(error: BaseException | None) -> CloudBuildError:
    if isinstance(error, exceptions.GoogleAPICallError) and error.code is not None:
        body = getattr(error.response, "content", b"") or b""
        return CloudBuildError(refusal_of(int(error.code), body), _printable(error.message or ""))
    reason = getattr(error.args[0], "reason", None) if error is not None and error.args else None
    unsent = isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, NewConnectionError)
    return CloudBuildError(None, type(error).__name__, sent=not unsent)


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_MESSAGE].strip()
