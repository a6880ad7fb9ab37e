"""Runs a cloud's live suites in a pytest of their own, as its owner does, for tests with the cloud on loopback."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SOME: Final = (
    "what_was_put",
    "folders",
    "the_same_again",
    "an_upload_url_expires",
    "each_message",
    "a_dead_letter",
    "scopes_do_not_share",
    "one_key_is_made",
    "from_its_start_to_its_end",
    "a_stop_after_the_end",
    "does_not_know_is_none",
    "found_by_its_tag",
    "a_tag_that_moved",
    "cannot_be_known",
)
"""Cases of each suite. All of them run on the same servers in test_contract_…: here only the fixtures differ."""


@dataclass
class LiveRun:
    output: str
    passed: int
    skipped: set[str]
    """Why tests were skipped."""


def run_live(cloud: str, folder: Path, environment: Mapping[str, str], *options: str, also: str = "") -> LiveRun:
    """Runs SOME cases of tests/<cloud>/live, and those that `also` names. All of them must pass or be skipped."""
    wanted = " or ".join((*SOME, also)) if also else " or ".join(SOME)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    command += [f"--basetemp={folder / 'live'}", "-k", wanted, str(ROOT / "tests" / cloud / "live")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    counted = re.search(r"(\d+) passed", done.stdout)
    skips = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    return LiveRun(done.stdout, int(counted[1]) if counted else 0, {line.rpartition(": ")[2] for line in skips})
