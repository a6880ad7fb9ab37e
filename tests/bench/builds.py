"""Measures builds of the same image by Boatyard and by flyte's own Docker builder, alternately on one BuildKit."""

import random
from collections.abc import Iterator

import flyte
from rich.console import Console

from tests.bench import report
from tests.bench.deployment import BASE, deployment, docker_of
from tests.bench.images import ADDED, image
from tests.bench.measure import Row, compare
from tests.bench.sides import Ours, Own, empty_cache, folder, source
from tests.flyte.probe import Docker


def measure(runs: int, console: Console) -> str:
    with deployment() as (settings, client):
        docker = docker_of(settings)
        rows = list(_rows(Own(docker, settings), Ours(client), docker, runs, console))
    return report.comparison(rows, runs)


def _rows(own: Own, ours: Ours, docker: Docker, runs: int, console: Console) -> Iterator[Row]:
    here = folder()
    seed = random.SystemRandom().randrange(10**9)
    fresh = iter(range(seed, seed + 10**6))

    def made(*, added: str = "") -> flyte.Image:
        return image(BASE, source(here, next(fresh)), added=added)

    def own_build(added: str = "") -> str:
        return own.build(made(added=added), f"t{next(fresh)}")

    console.print("cold: nothing cached, everything downloaded, built and pushed")
    yield compare("cold", runs, lambda _: own_build(), lambda _: ours.build(made()), before=lambda: empty_cache(docker))
    # Both sides have their layers now; what follows builds on them.
    reference, unchanged = own_build(), made()
    ours.build(unchanged)
    console.print("cached answer")
    yield compare(
        "cached answer (flyte: `docker buildx imagetools inspect`)",
        runs * 4,
        lambda _: own.exists(reference),
        lambda _: ours.build(unchanged),
    )
    console.print("one pip package added")
    added = [f"{package}" for package in ADDED]
    yield compare(
        "one pip package added",
        min(runs, len(added)),
        lambda number: own_build(added[number]),
        lambda number: ours.build(made(added=added[number])),
    )
    own_build(), ours.build(made())
    console.print("one source file changed")
    yield compare("one source file changed", runs, lambda _: own_build(), lambda _: ours.build(made()))
