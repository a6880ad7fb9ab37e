"""Reads a function's configuration from BOATYARD_… variables. Terraform sets them; a container may mount them.

    BOATYARD_SETTINGS            boatyard.settings: the JSON itself, a path (a mounted ConfigMap), or an object's URL
    BOATYARD_<SETTING>           one setting (boatyard.settings_variables), which overrides BOATYARD_SETTINGS
    BOATYARD_BUCKET              the bucket of boatyard_serverless.keys; required
    BOATYARD_DEPLOYMENT_KEY      name of the secret with the deployment's key; required
    BOATYARD_RUNNER              kubernetes, the name of the cloud's build service, or inline: the function for events
                                 makes images itself, and runs no commands of a build
    BOATYARD_INLINE_OTHER        the name of the cloud's build service, for what needs a command; without one,
                                 such builds are refused                    (runner inline, as the next one)
    BOATYARD_EVENT_SECONDS       how long the platform lets the function for events work on one message, where it
                                 does not say so itself; 540 by default
    BOATYARD_CLUSTER             name of the cluster                        (runner kubernetes)
    BOATYARD_SECRET_PREFIX       prefix of the secrets' names; "boatyard" by default
    BOATYARD_QUEUE               the queue of the function for events: a push of a base adds a message for each image
                                 to rebuild. Without a queue, the push's own invocation rebuilds all of them
    BOATYARD_DEAD_LETTERS        the queue for messages that retries cannot help
    BOATYARD_PIN_BASES           true: orders are stored by their base; a base's push rebuilds them on its new
                                 digest, which later builds use too
    BOATYARD_ANONYMOUS           true: accepts requests without a caller's identity (behind another gateway)
    BOATYARD_TRACING             true: traces requests, where the cloud supports it

A cloud's own `Configuration` extends `FunctionConfiguration`; each of its fields is a variable of that name.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.errors import invalid
from boatyard.settings import Settings
from boatyard.settings_document import settings_table
from boatyard.settings_variables import with_variables
from boatyard_serverless.ports import Bucket

KUBERNETES: Final = "kubernetes"
INLINE: Final = "inline"
_SETTINGS: Final = "BOATYARD_SETTINGS"


class FunctionConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    settings: Settings
    bucket: str
    deployment_key: str
    runner: str
    cluster: str = ""
    inline_other: str = ""
    event_seconds: Annotated[float, msgspec.Meta(ge=60.0, le=3600.0)] = 540.0
    secret_prefix: str = "boatyard"  # noqa: S105 - a prefix of names
    queue: str = ""
    dead_letters: str = ""
    pin_bases: bool = False
    anonymous: bool = False
    tracing: bool = False

    @property
    def build_service(self) -> str:
        """The cloud's build service that builds can run in; empty without one."""
        return {KUBERNETES: "", INLINE: self.inline_other}.get(self.runner, self.runner)


T = TypeVar("T", bound=FunctionConfiguration)
BucketByName: TypeAlias = Callable[[str], Bucket]


def read_settings(variables: Mapping[str, str], *, scheme: str, bucket: BucketByName) -> Settings:
    """Reads the settings. A URL that begins with `scheme` (`s3://`) names a bucket and a key.

    Raises INVALID_SPEC, or what the bucket raises.
    """
    return with_variables(_document(variables.get(_SETTINGS, ""), scheme, bucket), variables)


def read_configuration(
    variables: Mapping[str, str], settings: Settings, kind: type[T], *, needed: Mapping[str, str]
) -> T:
    """`needed` maps each runner of the cloud to the field that it requires. Raises INVALID_SPEC, which names the
    variable."""
    names = {f"BOATYARD_{field.upper()}": field for field in kind.__struct_fields__ if field != "settings"}
    given: dict[str, Any] = {field: variables[name] for name, field in names.items() if variables.get(name, "").strip()}
    try:
        made = convert({**given, "settings": settings}, kind, strict=False)
    except Undecodable as error:
        raise invalid(f"the function's variables: {_in_words(str(error), names)}") from None
    if made.inline_other and made.runner != INLINE:
        raise invalid(f"BOATYARD_INLINE_OTHER is for the runner inline, and BOATYARD_RUNNER is {made.runner}")
    if made.runner == KUBERNETES and (problem := settings.cluster_problem):
        raise invalid(problem)
    required = {**needed, INLINE: "queue"}
    require(made, made.runner, required[made.runner])
    if made.inline_other:
        require(made, made.inline_other, required[made.inline_other])
    return made


def require(made: FunctionConfiguration, runner: str, *fields: str) -> None:
    """Raises INVALID_SPEC if a variable that the runner needs is missing."""
    variable = "BOATYARD_RUNNER" if runner == made.runner else "BOATYARD_INLINE_OTHER"
    for field in fields:
        if not getattr(made, field):
            raise invalid(f"{variable} is {runner}, so BOATYARD_{field.upper()} is needed")


def _document(given: str, scheme: str, bucket: BucketByName) -> dict[str, Any]:
    if not given.strip():
        return {}
    text, name = given.encode(), "settings.json"
    try:
        if given.startswith(scheme):
            name_of_bucket, _, key = given.removeprefix(scheme).partition("/")
            found = bucket(name_of_bucket).get(key)
            if found is None:
                raise invalid(f"{_SETTINGS}: there is no {given}")
            text = found.body
        elif not given.lstrip().startswith("{"):
            text, name = Path(given).read_bytes(), given
        return settings_table(text, name)
    except OSError as error:
        raise invalid(f"{_SETTINGS}: {given} cannot be read: {error.strerror}") from None
    except Undecodable as error:
        raise invalid(f"{_SETTINGS}: {error}") from None


def _in_words(error: str, names: Mapping[str, str]) -> str:
    for name, field in names.items():
        error = error.replace(f"`{field}`", name).replace(f"at {field}", f"at {name}")
    return error
