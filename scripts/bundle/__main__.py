"""Creates a cloud's archives: scripts/bundle aws -> .boatyard/bundles/aws.zip, aws-inline.zip and aws-builder.zip.

aws.zip is the functions' bundle, aws-inline.zip the bundle of a function for events that carries builds out itself, and
aws.json and aws-inline.json describe them. aws-builder.zip is the code of a build's job, if the
cloud's build service runs jobs from an archive. A platform that installs functions with pip gets them as one wheel
(vendored.py). contents.py defines their contents: the pinned wheels for the
platform's own Python, and this checkout's packages. The same input gives the same bytes: sorted names, no times, one
mode, unchecked byte code. --python selects the functions' Python; an interpreter of that version makes the byte code,
whichever version runs this script. aws.json names that version, and the tag of the image that `make builder-image`
pushes.
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
from contents import ROOT, clouds, contents
from functions import Making
from image_tag import image_tag
from interpreters import OWN, find
from stage import size
from vendored import BUILD_ENVIRONMENT
from wheels import PLATFORMS

OUT: Final = ROOT / ".boatyard" / "bundles"
ARCHIVES: Final = ("functions", "inline", "builder")


def main() -> int:
    options = _options()
    chosen = contents(options.cloud)
    function = chosen.function
    if function is None:
        return _fail(f"adapters/{options.cloud}/pyproject.toml has no table [tool.boatyard.function]")
    python: str = options.python or function.pythons[0]
    if python not in function.pythons:
        return _fail(f"no function of {options.cloud} runs on Python {python!r}: it is {' or '.join(function.pythons)}")
    interpreter = find(python)
    if function.root and interpreter is None:
        instead = f", or make one for this Python: PYTHON_VERSION={OWN}" if OWN in function.pythons else ""
        return _fail(
            f"a bundle for Python {python} needs Python {python} to make its byte code, and there is none here: "
            f"install it (`uv python install {python}` does){instead}"
        )
    with tempfile.TemporaryDirectory(prefix="boatyard-bundle-") as scratch:
        place = Path(scratch)
        making = Making(chosen, function, python, interpreter, options.architecture, with_sdk=options.with_sdk)
        stage = making.first(place / "function")
        bundles = {options.cloud: (stage, function.largest_bytes)} if "functions" in options.only else {}
        if function.inline_largest_bytes and "inline" in options.only:
            bundles[f"{options.cloud}-inline"] = (making.second(place / "inline", stage), function.inline_largest_bytes)
        for name, (filled, largest) in bundles.items():
            unpacked = size(filled)
            if unpacked > largest and not options.with_sdk:
                return _fail(f"{name}.zip: {unpacked:,} bytes unpacked are more than {largest:,}")
            target = options.out / f"{name}.zip"
            archive.write(making.finished(filled), target)
            facts = {
                "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
                "bytes": target.stat().st_size,
                "unpackedBytes": unpacked,
                "runtime": f"python{python}",
                "architecture": options.architecture,
                "builderTag": image_tag(ROOT, options.cloud),
                **({"buildEnvironment": BUILD_ENVIRONMENT} if function.source else {}),
            }
            target.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
            _tell(target, unpacked)
        if chosen.job.archive and "builder" in options.only:
            inside = place / "job" / "stage"
            inside.mkdir(parents=True)
            job.fill(inside, chosen, chosen.job.archive)
            archive.write(inside, options.out / f"{options.cloud}-builder.zip")
            _tell(options.out / f"{options.cloud}-builder.zip", size(inside))
    return 0


def _tell(target: Path, unpacked: int) -> None:
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(f"{target.name}: {target.stat().st_size:,} bytes, {unpacked:,} unpacked, sha256 {digest}")


def _fail(reason: str) -> int:
    print(f"bundle: {reason}", file=sys.stderr)
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bundle", description="Makes a cloud's archives: the functions' bundle, and what runs inside a build."
    )
    parser.add_argument("cloud", choices=clouds())
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="x86_64", help="of the functions")
    parser.add_argument("--python", help="minor version that the functions run on, as 3.12; each cloud has its default")
    parser.add_argument("--with-sdk", action="store_true", help="bring what the platform's runtime brings as well")
    parser.add_argument("--only", nargs="+", choices=ARCHIVES, default=ARCHIVES, help="archives to make")
    parser.add_argument(
        "--out", type=Path, default=OUT, help=f"folder of the archives (default {OUT.relative_to(ROOT)})"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
