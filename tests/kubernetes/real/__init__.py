"""The developer's own cluster, with the same interface for tests as the loopback one.

Chosen by BOATYARD_TEST_KUBECONFIG; without it nothing here is collected. API server, RBAC, admission and
controllers are the cluster's own. Pods are played: they are bound to a Node that this process registers, their
status is written through the API, and the API server fetches their logs from here.
"""

import os

KUBECONFIG = os.environ.get("BOATYARD_TEST_KUBECONFIG", "")
NODE_ADDRESS = os.environ.get("BOATYARD_TEST_NODE_ADDRESS", "127.0.0.1")
"""Where the API server reaches this process."""
