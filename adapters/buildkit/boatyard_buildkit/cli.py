"""`python -m boatyard_buildkit --job job.json --out DIR [--secrets DIR] [--buildkit FILE]
[--without-buildkit] [--cache DIR] [--termination-log FILE] [--ends-with PID]`

Exit code 0: SUCCEEDED. 1: FAILED, TIMED_OUT or CANCELLED, which a retry does not change. 2: ERRORED, or the job could
not be read. Unless the job could not be read, the result is in DIR/result.json.

With --termination-log, as in a Kubernetes pod, the result is also written there, cut to what a kubelet keeps, and the
log and progress to standard output.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Final

import msgspec

from boatyard.build import State
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard_buildkit.access import read_access
from boatyard_buildkit.aloud import aloud
from boatyard_buildkit.job import run_job
from boatyard_buildkit.termination import write_termination

_EXIT_CODES: Final = {State.SUCCEEDED: 0, State.ERRORED: 2}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="boatyard_buildkit", description="Runs one build job.")
    parser.add_argument("--job", type=Path, required=True, help="the BuildJob, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for progress, log and result")
    parser.add_argument("--secrets", type=Path, help="folder with one file per secret, named after it")
    parser.add_argument(
        "--buildkit", type=Path, help="settings file with buildkitUri and [buildkit] (else BOATYARD_SETTINGS)"
    )
    parser.add_argument(
        "--cache", type=Path, help="folder that this builder's jobs share (else BOATYARD_BUILDER_CACHE, else none)"
    )
    parser.add_argument("--without-buildkit", action="store_true", help="there is none: make what needs none")
    parser.add_argument("--termination-log", type=Path, help="in a pod: the termination message's file")
    parser.add_argument("--ends-with", type=int, metavar="PID", help="its parent, at whose death Linux kills the job")
    options = parser.parse_args(arguments)
    if options.ends_with is not None:
        from boatyard_layers.sandbox.parent import end_with

        end_with(options.ends_with)
    try:
        job = decode_json(options.job.read_bytes(), BuildJob)
        access = read_access(options.buildkit)
        if options.without_buildkit:
            access = msgspec.structs.replace(access, absent=True)
    except (OSError, Undecodable) as error:
        print(f"boatyard_buildkit: the job {options.job} cannot be read: {error}", file=sys.stderr)
        return 2
    except BoatyardError as error:
        print(f"boatyard_buildkit: {error.code}: {error.detail}", file=sys.stderr)
        return 2
    given = os.environ.get("BOATYARD_BUILDER_CACHE", "")
    shared = options.cache or (Path(given) if given else None)
    with aloud(options.out) if options.termination_log else nullcontext():
        result = run_job(job, out=options.out, secrets=options.secrets, access=access, shared=shared)
    if options.termination_log:
        write_termination(options.termination_log, result)
    if shared and job.steps:
        from boatyard_layers.builder_cache import trim

        with suppress(OSError):
            trim(shared)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit, which would wait for a thread that still uploads for a cancelled build.
    os._exit(_EXIT_CODES.get(result.state, 1))
