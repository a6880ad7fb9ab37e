"""Whether what a topology needs is there: looked up, whatever the settings ask for."""

from lightkube.resources.apps_v1 import StatefulSet

from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.refusals import Absent, NamespaceMissing
from boatyard_kubernetes.topology import SERVICE, Topology, choose


def is_deployed(cluster: Cluster, settings: Settings, topology: Topology) -> bool | None:
    """None if that cannot be told: whoever looks may not, or nobody has named a buildkitd."""
    match topology:
        case Topology.DAEMONLESS:
            return True
        case Topology.EXTERNAL:
            return True if choose(settings) is Topology.EXTERNAL else None
    try:
        cluster.get(StatefulSet, SERVICE, settings.kubernetes.buildkit_namespace)
    except Absent:
        return False
    except BoatyardError as error:
        return False if isinstance(error, NamespaceMissing) else None
    return True
