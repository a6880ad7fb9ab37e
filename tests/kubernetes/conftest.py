from tests.kubernetes.real import KUBECONFIG

collect_ignore = [] if KUBECONFIG else ["test_cluster.py"]
