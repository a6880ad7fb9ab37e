"""Whether builds will work in a cluster, and what to change where they will not."""

from boatyard_kubernetes.doctor.diagnose import Diagnosis, doctor_cluster
from boatyard_kubernetes.doctor.finding import Finding, Verdict

__all__ = ["Diagnosis", "Finding", "Verdict", "doctor_cluster"]
