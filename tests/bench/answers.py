"""Measures a server's answers per second, and the time to compute a key."""

from rich.console import Console

from boatyard.order import Order
from boatyard.plan import Plan, make_plan
from boatyard.ports import Scope
from boatyard.realm import realm_of
from boatyard.settings import Settings
from boatyard.spec import parse_spec
from boatyard.target import Target
from boatyard_client.client import Client
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import contents_of, order_of
from tests.bench import report
from tests.bench.deployment import BASE, deployment
from tests.bench.images import image
from tests.bench.measure import rate, timed
from tests.bench.sides import folder, source


def measure(runs: int, console: Console) -> str:
    with deployment() as (settings, client):
        return report.facts(_facts(client, settings))


def _facts(client: Client, settings: Settings) -> list[tuple[str, str]]:
    here = source(folder(), 0)
    one = image(BASE, here)
    lowered = lower(one)
    contents = contents_of(lowered)
    order = order_of(lowered, contents, force=False)
    client.ensure_image(order, contents)
    single = rate(lambda: client.ensure(order), threads=1, requests=300)
    many = rate(lambda: client.ensure(order), threads=8, requests=1000)
    core = Order(
        spec=parse_spec(lowered.spec),
        scope=Scope("default", "development"),
        target=Target(name="bench"),
        context=contents.context if contents else None,
    )
    plans = sorted(timed(lambda: _plan(core, settings)) for _ in range(500))[250]
    tags = sorted(timed(one._get_hash_digest) for _ in range(500))[250]
    return [
        ("cached answers a second, one caller", f"{single:.0f}"),
        ("cached answers a second, eight callers", f"{many:.0f}"),
        ("computing a key and its whole plan", f"{plans * 1e6:.0f} µs"),
        ("for comparison: flyte's own tag of the same image", f"{tags * 1e6:.0f} µs"),
    ]


def _plan(order: Order, settings: Settings) -> Plan:
    return make_plan(order, settings, realm_of(order.scope, settings.isolation, bytes(32)))
