"""Every way in which Boatyard says no, with who acts next.

One class, one code a reason. The HTTP status and whether a repeat can help belong to the code, so that
no caller has to guess them. `docs/errors.md` is the same table for people.
"""

from typing import Final, NamedTuple


class CodeMeaning(NamedTuple):
    status: int
    """HTTP status when the code answers a request."""
    retryable: bool
    """True when the same request may succeed later without a change by the user."""
    title: str
    advice: str
    """What to do next; one sentence in the imperative."""


CODES: Final[dict[str, CodeMeaning]] = {
    # answers to a request
    "INVALID_SPEC": CodeMeaning(400, False, "The request is not valid", "Correct the field that the detail names."),
    "UNAUTHENTICATED": CodeMeaning(401, False, "Who is asking is not known", "Sign in, or send credentials."),
    "FORBIDDEN": CodeMeaning(
        403,
        False,
        "The access policy does not allow this",
        "Ask for access to the project, domain or registry, or name one that the policy allows.",
    ),
    "NOT_FOUND": CodeMeaning(404, False, "There is no such thing", "Check the name or id."),
    "METHOD_NOT_ALLOWED": CodeMeaning(405, False, "That method is not served here", "See the Allow header."),
    "UNSUPPORTED_MEDIA_TYPE": CodeMeaning(415, False, "That content type is not served", "Send application/json."),
    "CONTEXT_TOO_LARGE": CodeMeaning(
        413, False, "The files are larger than the limit", "Leave files out with a .dockerignore."
    ),
    "CONTEXT_MISSING": CodeMeaning(
        409, True, "The context has not been uploaded", "Upload it with POST /v1/contexts, then ask again."
    ),
    "UNSUPPORTED": CodeMeaning(422, False, "This deployment cannot build that", "Change what the detail names."),
    "SECRET_NOT_FOUND": CodeMeaning(
        422, False, "A secret is not there", "Create it with PUT /v1/secrets/{name} or `boatyard secret create`."
    ),
    "TOO_MANY_BUILDS": CodeMeaning(429, True, "The queue is full", "Ask again after Retry-After seconds."),
    "OVERLOADED": CodeMeaning(
        503, True, "Too many requests of this kind are under way", "Ask again after Retry-After seconds."
    ),
    "REQUEST_TIMEOUT": CodeMeaning(
        408, True, "The request did not arrive in time", "Send it again; if it stays, check the network."
    ),
    "REGISTRY_UNAVAILABLE": CodeMeaning(
        502,
        True,
        "The registry did not answer",
        "Ask again; if it stays, check the registry and the network.",
    ),
    "REGISTRY_DENIED": CodeMeaning(
        502, False, "The registry refuses the service's credentials", "Grant the function read access to it."
    ),
    "REPOSITORY_NOT_FOUND": CodeMeaning(
        422, False, "The repository does not exist", "Create it, or allow the service to create repositories."
    ),
    "TAG_IMMUTABLE": CodeMeaning(
        409,
        False,
        "The image is there and its tag cannot be moved",
        "Use the image that is there, or delete it in the registry and build again.",
    ),
    "DATAPLANE_UNAVAILABLE": CodeMeaning(
        503, True, "Builds cannot be started now", "Ask again; if it stays, run `boatyard doctor`."
    ),
    "DATAPLANE_DENIED": CodeMeaning(
        502,
        False,
        "The cluster refuses what the service asks of it",
        "Change what the detail names; `boatyard doctor --cluster` checks all of it.",
    ),
    "INTERNAL": CodeMeaning(500, True, "Something unforeseen went wrong", "Look into the service's log."),
    # ways in which a build ends
    "PIP_RESOLUTION_CONFLICT": CodeMeaning(
        422, False, "The packages' requirements contradict each other", "Loosen one of the versions named."
    ),
    "PACKAGE_NOT_FOUND": CodeMeaning(
        422, False, "A Python package or version does not exist", "Check its name, version and index."
    ),
    "APT_PACKAGE_NOT_FOUND": CodeMeaning(
        422,
        False,
        "An apt package does not exist",
        "Check its name for the Debian release of the base image.",
    ),
    "COMMAND_FAILED": CodeMeaning(422, False, "A command ended with an error", "Read its last lines."),
    "LOCK_OUTDATED": CodeMeaning(
        422,
        False,
        "The lock file does not fit the project",
        "Run `uv lock` or `poetry lock`, then build again.",
    ),
    "BASE_IMAGE_NOT_FOUND": CodeMeaning(422, False, "The base image does not exist", "Check its name and tag."),
    "BASE_IMAGE_DENIED": CodeMeaning(
        422, False, "The base image may not be pulled", "Give the image a registry_secret that can pull it."
    ),
    "PUSH_DENIED": CodeMeaning(
        422,
        False,
        "The registry refuses the push",
        "Grant the builder push access, or give a registry_secret.",
    ),
    "INVALID_DOCKERFILE": CodeMeaning(422, False, "BuildKit cannot read the Dockerfile", "Correct the line named."),
    "CONTEXT_INVALID": CodeMeaning(
        422, False, "The uploaded files are not what was announced", "Upload the context again."
    ),
    "FILE_NOT_FOUND": CodeMeaning(422, False, "A file to copy is not there", "Check the path."),
    "SOURCE_UNUSABLE": CodeMeaning(
        422, False, "What ADD fetches is not there, or is not what was expected", "Check the URL and the checksum."
    ),
    "OUT_OF_MEMORY": CodeMeaning(422, False, "A step ran out of memory", "Give the builder more memory."),
    "DISK_FULL": CodeMeaning(
        507,
        True,
        "The builder has no disk space left",
        "Free space, raise the quota, or make the image smaller.",
    ),
    "TIMED_OUT": CodeMeaning(504, False, "The build took longer than the limit", "Raise buildTimeoutSeconds."),
    "NETWORK_UNREACHABLE": CodeMeaning(
        502,
        True,
        "A build step could not reach a server",
        "Check the builder's network, proxy and CA bundle.",
    ),
    "CANCELLED": CodeMeaning(409, False, "The build was cancelled", "Build again when you want it."),
    "BUILDER_LOST": CodeMeaning(
        503,
        True,
        "The job ended without telling how",
        "Build again; if it stays, look for evictions or kills.",
    ),
    "EVICTED": CodeMeaning(503, True, "The node took the job away", "It is tried again by itself."),
}


class BoatyardError(Exception):
    """A refusal with a code. `detail` is one line that a person can act on; it never holds a secret."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        layer_index: int | None = None,
        retry_after_seconds: int | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        """Path of the offending field in the request, such as `spec.layers[2].env`."""
        self.layer_index = layer_index
        self.retry_after_seconds = retry_after_seconds
        self.missing = missing
        """Names of what is not there, such as secrets."""

    @property
    def meaning(self) -> CodeMeaning:
        return CODES[self.code]


def invalid(detail: str, *, field: str | None = None, layer_index: int | None = None) -> BoatyardError:
    """The commonest refusal, short enough to be raised in place."""
    return BoatyardError("INVALID_SPEC", detail, field=field, layer_index=layer_index)
