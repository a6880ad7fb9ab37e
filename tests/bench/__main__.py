"""`python -m tests.bench [--runs N]`: all rows, in a few minutes."""

import argparse
import datetime
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flyte
from rich.console import Console
from rich.markdown import Markdown

from boatyard.plan import Order, make_plan
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard.spec import parse_spec
from boatyard.target import Target
from boatyard_client.client import Client
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import order_of, packed
from boatyard_local.settings import load_settings
from tests.bench import report
from tests.bench.images import ADDED, image
from tests.bench.measure import Row, compare, rate, timed
from tests.bench.sides import Ours, Own, empty_cache, folder, machine, source
from tests.flyte.probe import Docker

CONFIG = Path(__file__).parent.parent.parent / ".boatyard" / "boatyard.toml"
BASE = "python:3.11-slim-bookworm"


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--runs", type=int, default=5, help="of each row, at least 5 for a published table")
    runs = options.parse_args().runs
    console = Console(stderr=True)
    settings = load_settings(CONFIG, {})
    docker = _docker(settings)
    with _server() as url, Client(url) as client:
        os.environ["BOATYARD_URL"] = url
        own, ours = Own(docker, settings), Ours(client)
        rows = list(_builds(own, ours, docker, runs, console))
        facts = _facts(client, settings)
    page = report.markdown(rows, facts, runs=runs, machine=machine(), date=datetime.date.today().isoformat())
    report.PAGE.write_text(page, encoding="utf-8")
    Console().print(Markdown(page))
    return 0


def _builds(own: Own, ours: Ours, docker: Docker, runs: int, console: Console) -> Iterator[Row]:
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


def _facts(client: Client, settings: Settings) -> list[tuple[str, str]]:
    here = source(folder(), 0)
    one = image(BASE, here)
    lowered = lower(one)
    with packed(lowered) as context:
        order = order_of(lowered, context, force=False)
        client.ensure_image(order, context.file if context else None)
        single = rate(lambda: client.ensure(order), threads=1, requests=300)
        many = rate(lambda: client.ensure(order), threads=8, requests=1000)
        core = Order(
            spec=parse_spec(lowered.spec),
            scope=Scope("default", "development"),
            target=Target(name="bench"),
            context=context.context if context else None,
        )
    plans = sorted(timed(lambda: make_plan(core, settings)) for _ in range(500))[250]
    tags = sorted(timed(one._get_hash_digest) for _ in range(500))[250]
    return [
        ("cached answers a second, one caller", f"{single:.0f}"),
        ("cached answers a second, eight callers", f"{many:.0f}"),
        ("computing a key and its whole plan", f"{plans * 1e6:.0f} µs"),
        ("for comparison: flyte's own tag of the same image", f"{tags * 1e6:.0f} µs"),
    ]


def _docker(settings: Settings) -> Docker:
    env = dict(os.environ)
    env.update(DOCKER_HOST=settings.buildkit.docker_host, DOCKER_CONFIG=settings.buildkit.docker_config)
    return Docker(command=(settings.buildkit.docker,), env={name: value for name, value in env.items() if value})


@contextmanager
def _server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="boatyard-bench-") as state:
        command = [sys.executable, "-m", "boatyard_local", "serve", "--state", state, "--config", str(CONFIG)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().decode().strip()
            finally:
                process.terminate()


if __name__ == "__main__":
    sys.exit(main())
