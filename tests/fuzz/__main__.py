"""`make fuzz`: 100,000 requests, with no 500 answer and none over a second of CPU time.

`FUZZ_REQUESTS=` another number, `FUZZ_SEED=` the seed of a run to repeat. Findings are saved in .boatyard/fuzz/;
`FUZZ_OPTIONS='--again FILE'` sends it again.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.fuzz.campaign import CPU_SECONDS, Campaign
from tests.fuzz.edges import Saved
from tests.fuzz.largest import LARGEST

FOLDER: Final = Path(".boatyard/fuzz")
_MOST_SAVED: Final = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--again", type=Path, help="a file of .boatyard/fuzz/")
    options = parser.parse_args()
    console = Console(width=150)
    if options.again:
        return _again(options.again, console)
    seed = int(time.time()) if options.seed is None else options.seed
    console.print(f"seed {seed}, {options.requests:,} requests")
    costs = _largest(console)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("fuzz", total=options.requests)
        campaign = Campaign(
            seed, options.requests, on_answer=lambda number: progress.update(task, completed=number + 1)
        )
        campaign.run()
    _show(campaign, console)
    for finding in campaign.findings[:_MOST_SAVED]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{seed}-{finding.number}.json"
        path.write_bytes(msgspec.json.encode(finding.saved))
        console.print(f"[red]request {finding.number}[/] {finding.saved.why}: {path}")
    console.print(f"{len(campaign.findings)} findings (seed {seed})")
    return 1 if campaign.findings or costs else 0


def _largest(console: Console) -> int:
    """Sends every largest request once, unchanged. Returns how many take too long."""
    late = 0
    table = Table("the largest allowed request", "status", "CPU s", title="Costs")
    rows = []
    for name, make in LARGEST.items():
        campaign = Campaign(0, 0)
        response = campaign.again(Saved.of(make(1), "api", name))
        seconds = max(campaign.slowest.values(), default=0.0)
        rows.append((seconds, name, str(response.status) if response else "raised"))
        late += bool(campaign.findings)
        for finding in campaign.findings:
            console.print(f"[red]{name}[/] {finding.saved.why}")
    for seconds, name, status in sorted(rows, reverse=True)[:20]:
        table.add_row(name, status, f"[red]{seconds:.2f}" if seconds > CPU_SECONDS else f"{seconds:.2f}")
    console.print(table)
    return late


def _again(path: Path, console: Console) -> int:
    saved = msgspec.json.decode(path.read_bytes(), type=Saved)
    campaign = Campaign(0, 0)
    response = campaign.again(saved)
    console.print(f"{saved.method} {saved.path[:200]} by {saved.edge}: {response.status if response else 'raised'}")
    if response:
        console.print(response.body[:2_000].decode(errors="replace"), markup=False)
    for finding in campaign.findings:
        console.print(f"[red]{finding.saved.why}")
    return 1 if campaign.findings else 0


def _show(campaign: Campaign, console: Console) -> None:
    statuses = sorted({status for _, status in campaign.statuses})
    table = Table("operation", *map(str, statuses), "slowest, CPU s", title="Answers")
    for operation in sorted({name for name, _ in campaign.statuses}):
        counts = [campaign.statuses[operation, status] for status in statuses]
        table.add_row(operation, *(f"{n:,}" if n else "" for n in counts), f"{campaign.slowest[operation]:.2f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
