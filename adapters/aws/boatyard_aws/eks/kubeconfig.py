"""The connection parameters that lightkube takes, made in memory: nothing is written, no program is run."""

from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User

from boatyard_aws.eks.address import Address


def single_config(name: str, address: Address) -> SingleConfig:
    """The user has no credentials: the token comes with each request."""
    cluster = Cluster(server=address.endpoint, certificate_auth_data=address.ca_data)
    return SingleConfig(context_name=name, context=Context(cluster=name, user=name), cluster=cluster, user=User())
