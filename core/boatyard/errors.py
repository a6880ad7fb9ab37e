"""All errors of Boatyard, with advice on what to do next.

There is one exception class, and one code per reason. The code has the HTTP status and whether a retry can help, so
that no caller has to guess them. `docs/errors.md` has the same table for users.
"""

from typing import Final, NamedTuple

from boatyard.backports import StrEnum


class Code(StrEnum):
    """Error codes. Members are strings, so they can be serialized and compared with received text."""

    # answers to a request
    INVALID_SPEC = "INVALID_SPEC"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    CONTEXT_TOO_LARGE = "CONTEXT_TOO_LARGE"
    CONTEXT_MISSING = "CONTEXT_MISSING"
    UNSUPPORTED = "UNSUPPORTED"
    SECRET_NOT_FOUND = "SECRET_NOT_FOUND"  # noqa: S105 - a code
    TOO_MANY_BUILDS = "TOO_MANY_BUILDS"
    OVERLOADED = "OVERLOADED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    REGISTRY_UNAVAILABLE = "REGISTRY_UNAVAILABLE"
    REGISTRY_DENIED = "REGISTRY_DENIED"
    REPOSITORY_NOT_FOUND = "REPOSITORY_NOT_FOUND"
    TAG_IMMUTABLE = "TAG_IMMUTABLE"
    DATAPLANE_UNAVAILABLE = "DATAPLANE_UNAVAILABLE"
    DATAPLANE_DENIED = "DATAPLANE_DENIED"
    INTERNAL = "INTERNAL"
    # ways in which a build ends
    PIP_RESOLUTION_CONFLICT = "PIP_RESOLUTION_CONFLICT"
    PACKAGE_NOT_FOUND = "PACKAGE_NOT_FOUND"
    APT_PACKAGE_NOT_FOUND = "APT_PACKAGE_NOT_FOUND"
    COMMAND_FAILED = "COMMAND_FAILED"
    LOCK_OUTDATED = "LOCK_OUTDATED"
    BASE_IMAGE_NOT_FOUND = "BASE_IMAGE_NOT_FOUND"
    BASE_IMAGE_DENIED = "BASE_IMAGE_DENIED"
    PUSH_DENIED = "PUSH_DENIED"
    INVALID_DOCKERFILE = "INVALID_DOCKERFILE"
    CONTEXT_INVALID = "CONTEXT_INVALID"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    SOURCE_UNUSABLE = "SOURCE_UNUSABLE"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DISK_FULL = "DISK_FULL"
    TIMED_OUT = "TIMED_OUT"
    NETWORK_UNREACHABLE = "NETWORK_UNREACHABLE"
    CANCELLED = "CANCELLED"
    BUILDER_LOST = "BUILDER_LOST"
    EVICTED = "EVICTED"


class CodeMeaning(NamedTuple):
    status: int
    """HTTP status if the code answers a request."""
    retryable: bool
    """True if the same request may succeed later without a change by the user."""
    title: str
    advice: str
    """What to do next: one sentence in the imperative."""


CODES: Final[dict[Code, CodeMeaning]] = {
    # answers to a request
    Code.INVALID_SPEC: CodeMeaning(400, False, "The request is not valid", "Correct the field that the detail names."),
    Code.UNAUTHENTICATED: CodeMeaning(401, False, "The caller is not authenticated", "Sign in, or send credentials."),
    Code.FORBIDDEN: CodeMeaning(
        403,
        False,
        "The access policy does not allow this",
        "Ask for access to the project, domain or registry, or name one that the policy allows.",
    ),
    Code.NOT_FOUND: CodeMeaning(404, False, "Not found", "Check the name or id."),
    Code.METHOD_NOT_ALLOWED: CodeMeaning(405, False, "The path does not support this method", "See the Allow header."),
    Code.UNSUPPORTED_MEDIA_TYPE: CodeMeaning(415, False, "The content type is not supported", "Send application/json."),
    Code.CONTEXT_TOO_LARGE: CodeMeaning(
        413, False, "The files are larger than the limit", "Leave files out with a .dockerignore."
    ),
    Code.CONTEXT_MISSING: CodeMeaning(
        409, True, "The context has not been uploaded", "Upload it with POST /v1/contexts, then try again."
    ),
    Code.UNSUPPORTED: CodeMeaning(422, False, "This deployment cannot build that", "Change what the detail names."),
    Code.SECRET_NOT_FOUND: CodeMeaning(
        422, False, "A secret does not exist", "Create it with PUT /v1/secrets/{name} or `boatyard secret create`."
    ),
    Code.TOO_MANY_BUILDS: CodeMeaning(429, True, "The queue is full", "Try again after Retry-After seconds."),
    Code.OVERLOADED: CodeMeaning(
        503, True, "Too many requests of this kind are under way", "Try again after Retry-After seconds."
    ),
    Code.REQUEST_TIMEOUT: CodeMeaning(
        408, True, "The request did not arrive in time", "Send it again; if it persists, check the network."
    ),
    Code.REGISTRY_UNAVAILABLE: CodeMeaning(
        502,
        True,
        "The registry did not answer",
        "Try again; if it persists, check the registry and the network.",
    ),
    Code.REGISTRY_DENIED: CodeMeaning(
        502, False, "The registry refuses the service's credentials", "Grant the function read access to it."
    ),
    Code.REPOSITORY_NOT_FOUND: CodeMeaning(
        422, False, "The repository does not exist", "Create it, or allow the service to create repositories."
    ),
    Code.TAG_IMMUTABLE: CodeMeaning(
        409,
        False,
        "The image exists and its tag cannot be moved",
        "Use the existing image, or delete it in the registry and build again.",
    ),
    Code.DATAPLANE_UNAVAILABLE: CodeMeaning(
        503, True, "Builds cannot be started now", "Try again; if it persists, run `boatyard doctor`."
    ),
    Code.DATAPLANE_DENIED: CodeMeaning(
        502,
        False,
        "The dataplane refuses a request of the service",
        "Change what the detail names; `boatyard doctor --cluster` checks all of it.",
    ),
    Code.INTERNAL: CodeMeaning(500, True, "An unforeseen error occurred", "Read the service's log."),
    # ways in which a build ends
    Code.PIP_RESOLUTION_CONFLICT: CodeMeaning(
        422, False, "The packages' requirements contradict each other", "Loosen one of the versions named."
    ),
    Code.PACKAGE_NOT_FOUND: CodeMeaning(
        422, False, "A Python package or version does not exist", "Check its name, version and index."
    ),
    Code.APT_PACKAGE_NOT_FOUND: CodeMeaning(
        422,
        False,
        "An apt package does not exist",
        "Check its name for the Debian release of the base image.",
    ),
    Code.COMMAND_FAILED: CodeMeaning(422, False, "A command ended with an error", "Read its last lines."),
    Code.LOCK_OUTDATED: CodeMeaning(
        422,
        False,
        "The lock file does not fit the project",
        "Run `uv lock` or `poetry lock`, then build again.",
    ),
    Code.BASE_IMAGE_NOT_FOUND: CodeMeaning(422, False, "The base image does not exist", "Check its name and tag."),
    Code.BASE_IMAGE_DENIED: CodeMeaning(
        422, False, "The base image may not be pulled", "Give the image a registry_secret that can pull it."
    ),
    Code.PUSH_DENIED: CodeMeaning(
        422,
        False,
        "The registry refuses the push",
        "Grant the builder push access, or give a registry_secret.",
    ),
    Code.INVALID_DOCKERFILE: CodeMeaning(422, False, "BuildKit cannot read the Dockerfile", "Correct the line named."),
    Code.CONTEXT_INVALID: CodeMeaning(
        422, False, "The uploaded files differ from the announced ones", "Upload the context again."
    ),
    Code.FILE_NOT_FOUND: CodeMeaning(422, False, "A file to copy does not exist", "Check the path."),
    Code.SOURCE_UNUSABLE: CodeMeaning(
        422, False, "ADD could not fetch a source, or its checksum differs", "Check the URL and the checksum."
    ),
    Code.OUT_OF_MEMORY: CodeMeaning(422, False, "A step ran out of memory", "Give the builder more memory."),
    Code.DISK_FULL: CodeMeaning(
        507,
        True,
        "The builder has no disk space left",
        "Free space, raise the quota, or make the image smaller.",
    ),
    Code.TIMED_OUT: CodeMeaning(504, False, "The build took longer than the limit", "Raise buildTimeoutSeconds."),
    Code.NETWORK_UNREACHABLE: CodeMeaning(
        502,
        True,
        "A build step could not reach a server",
        "Check the builder's network, proxy and CA bundle.",
    ),
    Code.CANCELLED: CodeMeaning(409, False, "The build was cancelled", "Build again when you need the image."),
    Code.BUILDER_LOST: CodeMeaning(
        503,
        True,
        "The job ended without a result",
        "Build again; if it persists, look for evictions or kills.",
    ),
    Code.EVICTED: CodeMeaning(503, True, "The job was evicted from its node", "Wait: the cluster starts it again."),
}


LONGEST_DETAIL: Final = 2_000
"""Characters of a text that may quote what was sent, or what a library says about it."""


def bounded(text: str) -> str:
    """At most LONGEST_DETAIL characters, from the beginning."""
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


class BoatyardError(Exception):
    """A refusal with a code. `detail` is one bounded line that a person can act on; it never holds a secret."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        field: str | None = None,
        layer_index: int | None = None,
        retry_after_seconds: int | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        detail = bounded(detail)
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field if field is None else bounded(field)
        """Path of the offending field in the request, such as `spec.layers[2].env`."""
        self.layer_index = layer_index
        self.retry_after_seconds = retry_after_seconds
        self.missing = missing
        """Names of missing things, such as secrets."""

    @property
    def meaning(self) -> CodeMeaning:
        return CODES[self.code]


def invalid(detail: str, *, field: str | None = None, layer_index: int | None = None) -> BoatyardError:
    """Makes the most common error, INVALID_SPEC."""
    return BoatyardError(Code.INVALID_SPEC, detail, field=field, layer_index=layer_index)
