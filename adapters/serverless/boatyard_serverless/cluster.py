"""Connects to a cloud's cluster without a kubeconfig: the cloud's API provides the address and short-lived tokens."""

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster as ClusterEntry
from lightkube.config.models import Context, User

from boatyard_kubernetes import Cluster, connect

_NEVER: Final = float("-inf")


class ClusterAddress(msgspec.Struct, frozen=True):
    endpoint: str
    ca_data: str
    """PEM, base64-encoded as in a kubeconfig. Empty if a public authority has signed the certificate."""


def connect_to(name: str, address: ClusterAddress, token: Callable[[], str]) -> Cluster:
    """Connects with a user without credentials: each request carries a token."""
    return connect(single_config(name, address), token=token)


def single_config(name: str, address: ClusterAddress) -> SingleConfig:
    """lightkube's connection parameters, in memory."""
    entry = ClusterEntry(server=address.endpoint, certificate_auth_data=address.ca_data)
    return SingleConfig(context_name=name, context=Context(cluster=name, user=name), cluster=entry, user=User())


class KeptToken:
    """Caches a token for `fresh_seconds`. Thread-safe.

    Its age is the larger one by either clock: the monotonic clock may stand still while the cloud freezes the function,
    and the wall clock may be set back.
    """

    def __init__(
        self,
        make: Callable[[], str],
        fresh_seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._make = make
        self._fresh_seconds = fresh_seconds
        self._clocks = (now, wall)
        self._token = ""
        self._made_at = (_NEVER, _NEVER)
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Raises what `make` raises."""
        with self._lock:
            ages = [clock() - made for clock, made in zip(self._clocks, self._made_at, strict=True)]
            if max(ages) >= self._fresh_seconds:
                self._token = self._make()
                self._made_at = (self._clocks[0](), self._clocks[1]())
            return self._token
