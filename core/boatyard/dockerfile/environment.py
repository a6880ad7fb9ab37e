"""Orders a layer's environment variables.

A protobuf map has no order, and a Python dict has an accidental one, so two specs that only differ in it are the same
image. The order only matters if a value refers to another variable of the layer, because `$NAME` expands to the
previous value of NAME.
"""

import heapq
from collections.abc import Mapping

from boatyard.dockerfile.quoting import references


def ordered(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables sorted by name, except that two variables keep their order if one refers to the other."""
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
