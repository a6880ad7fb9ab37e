"""Makes a cloud function's bundle: scripts/bundle aws -> .boatyard/bundles/aws.zip and aws.json.

Dependencies are the pinned wheels of requirements/function-<cloud>.txt for the function's own platform, the
rest is this checkout's packages. The same input gives the same bytes: sorted names, no times, one mode, byte
code that is checked against nothing. The byte code is of the interpreter that runs this, so the function's
runtime must have the same minor version; aws.json says which.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import archive
from bytecode import compile_all
from contents import FUNCTIONS
from reach import keep_reached
from stage import copy, prune, size
from wheels import PLATFORMS, install

ROOT: Final = Path(__file__).resolve().parent.parent.parent
OUT: Final = ROOT / ".boatyard" / "bundles"
TASK: Final = "/var/task"
"""Where Lambda unpacks a bundle."""


def main() -> int:
    options = _options()
    function = FUNCTIONS[options.cloud]
    with tempfile.TemporaryDirectory(prefix="boatyard-bundle-") as scratch:
        stage = Path(scratch) / "stage"
        given = frozenset[str]() if options.with_sdk else function.given
        install(
            stage,
            ROOT / "requirements" / function.pinned,
            architecture=options.architecture,
            given=given | function.unneeded,
        )
        for package in function.packages:
            copy(ROOT / package, stage / Path(package).name)
        prune(stage, function.unused)
        keep_reached(stage, function.generated)
        compile_all(stage, root=TASK)
        unpacked = size(stage)
        if unpacked > function.largest and not options.with_sdk:
            print(f"bundle: {unpacked:,} bytes unpacked are more than {function.largest:,}", file=sys.stderr)
            return 1
        target: Path = options.out / f"{options.cloud}.zip"
        archive.write(stage, target)
    facts = {
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": target.stat().st_size,
        "unpackedBytes": unpacked,
        "runtime": f"python{sys.version_info[0]}.{sys.version_info[1]}",
        "architecture": options.architecture,
    }
    target.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(f"{target.name}: {facts['bytes']:,} bytes, {unpacked:,} unpacked, sha256 {facts['sha256']}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bundle", description="Makes a cloud function's bundle.")
    parser.add_argument("cloud", choices=sorted(FUNCTIONS))
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="x86_64")
    parser.add_argument("--with-sdk", action="store_true", help="bring what the platform's runtime brings as well")
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
