"""Finds the settings of builds in a cluster: a given file, or the deployment's ConfigMap."""

from typing import Final

import msgspec
from lightkube.resources.core_v1 import ConfigMap

from boatyard.cluster_doctor import ClusterRequest, NotExamined
from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard.settings_document import settings_table, to_settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import reason_of
from boatyard_kubernetes.names import namespace_of
from boatyard_kubernetes.refusals import Absent, NamespaceMissing

KEY: Final = "settings.json"
"""Key in the ConfigMap's data, which infra/terraform writes."""


class Configured(msgspec.Struct, frozen=True):
    settings: Settings
    origin: str
    """The source of the settings, for display."""


def find_settings(cluster: Cluster, request: ClusterRequest) -> Configured:
    """Uses a given file, else the ConfigMap of the scope's namespace, else the project's own file.

    The namespace's name depends on the settings, which are in it. So this looks in the namespace of the project's file
    (or of the default template), then among all ConfigMaps with that name, for settings that put the scope's builds
    into the ConfigMap's own namespace. Raises NotExamined.
    """
    if request.settings is not None:
        return Configured(request.settings, "the file that was named")
    known = request.project_settings or Settings()
    name = known.target_config_map_name
    namespace = namespace_of(known.kubernetes, request.scope)
    unseen = f"there is no ConfigMap {name} in {namespace}"
    try:
        return _read(cluster.get(ConfigMap, name, namespace))
    except (Absent, NamespaceMissing):
        if found := _elsewhere(cluster, request, name):
            return found
    except BoatyardError as error:
        unseen = reason_of(error)
    if request.project_settings is not None:
        return Configured(request.project_settings, f"the project's boatyard.toml, as {unseen}")
    raise NotExamined(
        f"which settings builds go by is not known: {unseen}",
        "Name them with --settings FILE, or another scope with --project and --domain; Terraform writes the ConfigMap.",
    )


def _elsewhere(cluster: Cluster, request: ClusterRequest, name: str) -> Configured | None:
    try:
        found = cluster.find(ConfigMap, None, fields=f"metadata.name={name}")
    except BoatyardError:  # the user may not list them in all namespaces
        return None
    for config_map in found:
        try:
            configured = _read(config_map)
            if namespace_of(configured.settings.kubernetes, request.scope) == _place(config_map)[0]:
                return configured
        except (NotExamined, BoatyardError):
            continue  # another deployment's, or not for this scope
    return None


def _read(config_map: ConfigMap) -> Configured:
    where = f"the ConfigMap {'/'.join(_place(config_map))}"
    try:
        table = settings_table((config_map.data or {})[KEY].encode(), KEY)
        return Configured(to_settings(table, where), where)
    except KeyError:
        raise NotExamined(f"{where} has no {KEY}", "Apply the deployment again, or use --settings FILE.") from None
    except (Undecodable, BoatyardError) as error:
        detail = error.detail if isinstance(error, BoatyardError) else f"{where}: {error}"
        raise NotExamined(detail, "Apply the deployment again, or use --settings FILE.") from None


def _place(config_map: ConfigMap) -> tuple[str, str]:
    """Namespace and name."""
    metadata = config_map.metadata
    return (metadata and metadata.namespace) or "", (metadata and metadata.name) or ""
