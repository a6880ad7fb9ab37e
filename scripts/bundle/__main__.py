"""Makes what a cloud runs: scripts/bundle aws -> .boatyard/bundles/aws.zip, aws.json and aws-builder.zip.

The first is the functions' bundle, the second says what it is, the third is what runs inside a build where there
is no cluster. Dependencies are the pinned wheels of requirements/function-<cloud>.txt and builder-<cloud>.txt for
the platform's own Python, the rest is this checkout's packages. The same input gives the same bytes: sorted names,
no times, one mode, byte code that is checked against nothing. The functions' byte code is of the interpreter that
runs this, so their runtime must have the same minor version; aws.json says which, and under which tag
`make builder-image` pushes what runs in a cluster.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import archive
import job
from bytecode import compile_all
from contents import FUNCTIONS, JOBS
from image_tag import image_tag
from reach import keep_reached
from stage import copy, prune, size
from wheels import PLATFORMS, THIS_PYTHON, install

ROOT: Final = Path(__file__).resolve().parent.parent.parent
OUT: Final = ROOT / ".boatyard" / "bundles"
TASK: Final = "/var/task"
"""Where Lambda unpacks a bundle."""


def main() -> int:
    options = _options()
    function = FUNCTIONS[options.cloud]
    with tempfile.TemporaryDirectory(prefix="boatyard-bundle-") as scratch:
        stage = Path(scratch) / "function" / "stage"
        stage.mkdir(parents=True)
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
        inside = Path(scratch) / "job" / "stage"
        inside.mkdir(parents=True)
        job.fill(inside, ROOT, JOBS[options.cloud])
        archive.write(inside, options.out / f"{options.cloud}-builder.zip")
        _tell(options.out / f"{options.cloud}-builder.zip", size(inside))
    facts = {
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": target.stat().st_size,
        "unpackedBytes": unpacked,
        "runtime": f"python{THIS_PYTHON}",
        "architecture": options.architecture,
        "builderTag": image_tag(ROOT),
    }
    target.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    _tell(target, unpacked)
    return 0


def _tell(target: Path, unpacked: int) -> None:
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(f"{target.name}: {target.stat().st_size:,} bytes, {unpacked:,} unpacked, sha256 {digest}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bundle", description="Makes a cloud's archives: the functions' bundle, and what runs inside a build."
    )
    parser.add_argument("cloud", choices=sorted(FUNCTIONS))
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="x86_64", help="of the functions")
    parser.add_argument("--with-sdk", action="store_true", help="bring what the platform's runtime brings as well")
    parser.add_argument(
        "--out", type=Path, default=OUT, help=f"folder of the archives (default {OUT.relative_to(ROOT)})"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
