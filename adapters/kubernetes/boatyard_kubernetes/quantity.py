"""Reads Kubernetes' quantities, such as 500m and 2Gi (k8s.io/apimachinery/pkg/api/resource)."""

import re


def amount(text: str) -> float | None:
    """The value, so that 1Gi equals 1024Mi; None if the text is not a quantity."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?", text)
    if not found:
        return None
    unit = found[2] or ""
    powers = "KMGTPE"
    if unit.endswith("i"):
        factor = 1024.0 ** (powers.index(unit[0]) + 1)
    elif unit in ("n", "u", "m"):
        factor = {"n": 1e-9, "u": 1e-6, "m": 1e-3}[unit]
    else:
        factor = 1000.0 ** (powers.index(unit.upper()) + 1) if unit else 1.0
    return float(found[1]) * factor
