"""The one order of a layer's environment variables.

A protobuf map has no order, and a Python dict has one by accident: two specs that differ in it alone are one image.
Only where one value refers to another variable of the layer does it matter which comes first, because `$NAME` stands
for what NAME was before.
"""

import heapq
from collections.abc import Mapping

from boatyard.dockerfile.quoting import references


def ordered(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables by name, but for two of which one refers to the other: these keep the order that they have."""
    names = list(variables)
    place = {name: number for number, name in enumerate(names)}
    after: dict[str, set[str]] = {name: set() for name in names}
    waits: dict[str, int] = dict.fromkeys(names, 0)
    for name, value in variables.items():
        for other in references(value):
            if other == name or other not in place:
                continue
            first, second = sorted((name, other), key=place.__getitem__)
            if second not in after[first]:
                after[first].add(second)
                waits[second] += 1
    free = [name for name in names if not waits[name]]
    heapq.heapify(free)
    found: dict[str, str] = {}
    while free:
        name = heapq.heappop(free)
        found[name] = variables[name]
        for second in after[name]:
            waits[second] -= 1
            if not waits[second]:
                heapq.heappush(free, second)
    return found
