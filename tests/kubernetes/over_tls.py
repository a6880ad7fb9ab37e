"""A loopback cluster over TLS that knows a cloud's access tokens as the function's, as a cloud's own cluster does."""

import base64
import ssl
from collections.abc import Callable
from typing import Any

import trustme

from boatyard.settings import Settings
from boatyard_kubernetes.access import function_access
from tests.kubernetes.loopback.rbac import User, service_account
from tests.kubernetes.site import FUNCTION, HOME
from tests.kubernetes.site import Site as Dataplane


class ClusterOverTls:
    """It has the namespace ml-dev, in which the function may do what its Role says."""

    def __init__(self, settings: Settings, knows: Callable[[str], bool], **options: Any) -> None:
        """`knows`: whether a token is one of the function's. `options` are those of tests.kubernetes.site.Site."""
        self.site = Dataplane(settings, **options)
        self.cluster = self.site.cluster
        self._knows = knows
        self.cluster.server.users = self._user
        self.cluster.namespace("ml-dev")
        subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
        access = [obj.to_dict() for obj in function_access(settings, subject, ["ml-dev"])]
        self.cluster.apply(*(obj for obj in access if obj["metadata"].get("namespace") == "ml-dev"))
        self.ca = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self.port = self.cluster.server.serve_tls(context)

    @property
    def ca_data(self) -> str:
        """As a kubeconfig has it."""
        return base64.b64encode(self.ca.cert_pem.bytes()).decode()

    def _user(self, token: str) -> User | None:
        return self.cluster.users.get(token) or (service_account(HOME, FUNCTION) if self._knows(token) else None)

    def close(self) -> None:
        self.site.close()
