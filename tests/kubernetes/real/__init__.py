"""The developer's own cluster, with the same interface for tests as the loopback one.

BOATYARD_TEST_KUBECONFIG selects it; without it no test of it is collected. API server, RBAC, admission and
controllers are the cluster's own. The tests play pods: they are bound to a Node that this process registers, their
status is written through the API, and the API server fetches their logs from here.
"""

import os

KUBECONFIG = os.environ.get("BOATYARD_TEST_KUBECONFIG", "")
NODE_ADDRESS = os.environ.get("BOATYARD_TEST_NODE_ADDRESS", "127.0.0.1")
"""Where the API server reaches this process."""
