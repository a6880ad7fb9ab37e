"""A stand-in for Cloud Build. The discovery document checks requests and answers; these rules are added.

- A named volume must be used by at least two steps (the discovery document's description).
- Builds with a service account need a location for their logs
  (https://cloud.google.com/build/docs/securing-builds/configure-user-specified-service-accounts).
- A build runs for at most 24 hours.
- `$NAME` in a step's env and args is a substitution, `$$` a dollar
  (https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values).
- A build that has ended cannot be cancelled: 400 FAILED_PRECONDITION.

The test decides a build's state; `steps` runs its step.
"""

import re
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.gcp.discovery import Asked
from tests.gcp.loopback import NOT_FOUND, ApiServer, GoogleError
from tests.gcp.metadata_server import PROJECT

LOCATION = "europe-west1"
PARENT = f"projects/{PROJECT}/locations/{LOCATION}"
ACCOUNT = f"builder@{PROJECT}.iam.gserviceaccount.com"
_BUILDS = "cloudbuild.projects.locations.builds"
CREATE, GET, LIST, CANCEL = (f"{_BUILDS}.{verb}" for verb in ("create", "get", "list", "cancel"))
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_VARIABLE = re.compile(r"\$(?:(\$)|([A-Z_][A-Z0-9_]*)|\{([A-Z_][A-Z0-9_]*)\})")
_ENDED = {"SUCCESS", "FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"}


@dataclass
class Played:
    id: str
    asked: dict[str, Any]
    status: str = "QUEUED"
    detail: str = ""
    failure: str = ""
    log: str = ""

    @property
    def step(self) -> dict[str, Any]:
        (step,) = self.asked["steps"]
        return dict(step)

    @property
    def environment(self) -> dict[str, str]:
        """The step's environment, with substitutions made."""
        return dict(self._substituted(each).split("=", 1) for each in self.step["env"])

    @property
    def command(self) -> list[str]:
        return [self.step["entrypoint"], *map(self._substituted, self.step["args"])]

    @property
    def log_object(self) -> tuple[str, str]:
        bucket, _, folder = self.asked["logsBucket"].removeprefix("gs://").partition("/")
        return bucket, f"{folder}/log-{self.id}.txt" if folder else f"log-{self.id}.txt"

    def _substituted(self, text: str) -> str:
        values = {"BUILD_ID": self.id, "PROJECT_ID": PROJECT, "LOCATION": LOCATION}
        return _VARIABLE.sub(lambda found: "$" if found[1] else values[found[2] or found[3]], text)

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            **self.asked,
            "id": self.id,
            "name": f"{PARENT}/builds/{self.id}",
            "projectId": PROJECT,
            "status": self.status,
            "createTime": "2026-01-01T00:00:00Z",
        }
        if self.detail:
            shown["statusDetail"] = self.detail
        if self.failure:
            shown["failureInfo"] = {"type": self.failure, "detail": self.detail}
        if self.status in _ENDED:
            shown["finishTime"] = "2026-01-01T00:10:00Z"
        return shown


@dataclass
class CloudBuild:
    server: ApiServer
    builds: dict[str, Played] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for method, answer in {CREATE: self._create, GET: self._get, LIST: self._list, CANCEL: self._cancel}.items():
            self.server.on(method, answer)

    def of(self, build_id: str) -> Played:
        """The execution that was started for a build of Boatyard. Fails if there are several."""
        (found,) = [each for each in self.builds.values() if each.environment["BOATYARD_BUILD_ID"] == build_id]
        return found

    def write(self, rest: GoogleRest, played: Played, text: str) -> None:
        """Writes the log's object again, longer, as Cloud Build does."""
        played.log += text
        bucket, key = played.log_object
        GcsBucket(rest, bucket).put(key, played.log.encode())

    def _create(self, asked: Asked) -> Any:
        if asked.params["parent"] != PARENT:
            raise NOT_FOUND
        check(asked.body)
        made = Played(str(uuid.uuid4()), asked.body)
        with self._lock:
            self.builds[made.id] = made
        kind = "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata"
        return {"name": f"operations/build/{PROJECT}/x", "metadata": {"@type": kind, "build": made.shown()}}

    def _get(self, asked: Asked) -> Any:
        return self._named(asked).shown()

    def _list(self, asked: Asked) -> Any:
        wanted = re.fullmatch(r'tags="([^"]+)"', asked.query["filter"])
        assert wanted, asked.query
        found = [each.shown() for each in self.builds.values() if wanted[1] in each.asked.get("tags", ())]
        return {"builds": found[::-1][: int(asked.query["pageSize"])]}

    def _cancel(self, asked: Asked) -> Any:
        build = self._named(asked)
        if build.status in _ENDED:
            raise GoogleError(400, "FAILED_PRECONDITION")
        build.status = "CANCELLED"
        return build.shown()

    def _named(self, asked: Asked) -> Played:
        parent, _, identity = asked.params["name"].partition("/builds/")
        if parent != PARENT or identity not in self.builds:
            raise NOT_FOUND
        return self.builds[identity]


def check(build: dict[str, Any]) -> None:
    """Raises the 400 for a build that the service would refuse."""
    options = build.get("options", {})
    names = [volume["name"] for step in build["steps"] for volume in step.get("volumes", ())]
    refused = [
        any(names.count(name) < 2 for name in names),
        bool(options.get("volumes")) and len(build["steps"]) < 2,
        "serviceAccount" in build and not build.get("logsBucket"),
        not all(_TAG.match(tag) for tag in build.get("tags", ())),
        _seconds(build.get("timeout", "3600s")) > 24 * 3600,
    ]
    if any(refused):
        raise GoogleError(400, "INVALID_ARGUMENT")


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
