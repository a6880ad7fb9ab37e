"""The only module that makes and reads names, labels and annotations in the cluster.

A Job's name is derived from the build's id, so that it is a lock: the API server allows each name once. Labels are the
recommended ones (kubernetes.io/docs/concepts/overview/working-with-objects/common-labels) and Boatyard's own under
boatyard.io.
"""

import hashlib
import re
import secrets
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.policy import check_scope
from boatyard.ports import Scope
from boatyard.settings import Kubernetes

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
PART_OF: Final = "app.kubernetes.io/part-of"
TAG: Final = "boatyard.io/tag"
BUILD: Final = "boatyard.io/build"
PROJECT: Final = "boatyard.io/project"
DOMAIN: Final = "boatyard.io/domain"

RECORD: Final = "boatyard.io/record"
"""Annotation: the Build as JSON, first as requested, later with its result."""
NUMBER: Final = "boatyard.io/number"
"""Annotation: microseconds since 1970 of the request; the order of lists."""
STOPPED: Final = "boatyard.io/stopped"
"""Annotation: why and when the runner stopped the Job, as JSON (`stopping.Stopped`)."""

AFTER: Final = "boatyard.io/after"
"""Annotation of a Job that goes on with a build: the uid of the Job without BuildKit that began it."""

BUILD_KIND: Final = "build"
PULL_KIND: Final = "image_pull"
SECRET_KINDS: Final = (BUILD_KIND, PULL_KIND)
SECRET_VALUE: Final = "value"  # noqa: S105 - a name
"""The key that holds the value in either kind of object."""
_SECRET_WORDS: Final = {BUILD_KIND: "build", PULL_KIND: "pull"}
_LONGEST_READABLE: Final = 40

FIELD_MANAGER: Final = "boatyard"
_PREFIX: Final = "boatyard-"
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z")
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def is_label_value(text: str) -> bool:
    return not text or (len(text) <= 63 and _LABEL.match(text) is not None)


def job_name(build_id: str) -> str:
    return _PREFIX + build_id


def second_name(build_id: str) -> str:
    """Of the Job with BuildKit that goes on with a build whose first Job had none."""
    return f"{job_name(build_id)}-buildkit"


def plan_name(build_id: str) -> str:
    """A new random name for a Job's plan: a Job that is recreated under its old name must not use the plan of the first
    one, which is deleted with its owner."""
    return f"{_PREFIX}{build_id}-{secrets.token_hex(5)}"


def namespace_of(settings: Kubernetes, scope: Scope) -> str:
    """The scope's namespace. Raises DATAPLANE_DENIED if the template gives no valid name (RFC 1123, 63 characters)."""
    check_scope(scope)
    name = settings.namespace_template.replace("{project}", scope.project).replace("{domain}", scope.domain)
    if not _NAMESPACE.match(name):
        raise BoatyardError(
            Code.DATAPLANE_DENIED,
            f"kubernetes.namespaceTemplate {settings.namespace_template!r} makes {name!r} of "
            f"{scope.project}/{scope.domain}, which is no namespace's name (lower-case letters, digits, -; at most 63)",
        )
    if settings.namespaces and name not in settings.namespaces:
        raise BoatyardError(Code.DATAPLANE_DENIED, f"the namespace {name} is not among kubernetes.namespaces")
    return name


def reach(settings: Kubernetes) -> tuple[str | None, ...]:
    """The namespaces of builds. None means the whole cluster, which needs a ClusterRole to list Jobs."""
    if settings.namespaces:
        return settings.namespaces
    if "{" not in settings.namespace_template:
        return (settings.namespace_template,)
    return (None,)


def common_labels(component: str) -> dict[str, str]:
    return {NAME: "boatyard", COMPONENT: component, PART_OF: "boatyard", MANAGED_BY: "boatyard"}


def build_labels(job: BuildJob) -> dict[str, str]:
    """Labels of the Job, its pods and its plan."""
    return {
        **common_labels("build"),
        TAG: job.build_tag,
        BUILD: job.id,
        PROJECT: job.project,
        DOMAIN: job.domain,
    }


BUILDS: Final = f"{MANAGED_BY}=boatyard,{COMPONENT}=build"
"""Selects all builds."""


def secret_object_name(scope: Scope, kind: str, name: str) -> str:
    """Readable, and different for different names: `TOKEN` and `token` are two secrets, and Kubernetes takes lower case
    only (RFC 1123).

    The scope counts: several projects can share a namespace. A template may leave them out, and `{project}-{domain}`
    makes one namespace of a/b-c and a-b/c.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_READABLE].strip("-")
    # Neither a project nor a domain holds a slash.
    digest = hashlib.sha256(f"{scope.project}/{scope.domain}/{name}".encode()).hexdigest()[:16]
    return f"boatyard-{_SECRET_WORDS[kind]}-{readable or 'x'}-{digest}"
