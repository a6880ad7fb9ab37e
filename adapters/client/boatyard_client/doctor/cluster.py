"""Finds the cluster doctor, if its distribution is installed."""

from importlib.metadata import entry_points
from pathlib import Path

from boatyard.cluster_doctor import GROUP, NAME, ClusterDoctor, ClusterRequest
from boatyard.ports import Scope
from boatyard_client.endpoint import find_client_settings
from boatyard_client.errors import ConfigError
from boatyard_client.settings_file import find_settings, project_settings


def find_doctor() -> ClusterDoctor:
    """Raises ConfigError with the distribution to install."""
    points = list(entry_points(group=GROUP, name=NAME))
    if not points:
        raise ConfigError(
            "the cluster doctor is not installed here", advice="pip install boatyard-kubernetes beside boatyard."
        )
    try:
        doctor: ClusterDoctor = points[0].load()
    except ImportError as error:
        advice = "Reinstall boatyard-kubernetes."
        raise ConfigError(f"{points[0].value} cannot be loaded: {error}", advice=advice) from error
    return doctor


def request(
    *,
    settings: Path | None,
    project: str,
    domain: str,
    context: str,
    kubeconfig: str,
    function_user: str,
    function_groups: tuple[str, ...],
    push: bool,
    base_image: str,
    wait_seconds: float | None,
) -> ClusterRequest:
    """Combines the command line with the configuration files. Raises ConfigError for an invalid file."""
    configured = find_client_settings()
    own = project_settings()
    return ClusterRequest(
        scope=Scope(project or configured.project or "default", domain or configured.domain or "development"),
        context=context,
        kubeconfig=kubeconfig,
        settings=find_settings(settings)[0] if settings else None,
        project_settings=find_settings(own)[0] if own else None,
        function_user=function_user,
        function_groups=function_groups,
        push=push,
        base_image=base_image,
        wait_seconds=wait_seconds or 0,
    )
