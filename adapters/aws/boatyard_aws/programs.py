"""What the job finds beside what the image has: this code, and the credential helper as a program."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

import boatyard_aws

HELPER: Final = "docker-credential-boatyard-ecr"


def environment(folder: Path) -> dict[str, str]:
    """Fills `folder` where the helper is not installed: an archive has no programs, and whether its unpacking keeps
    a file's mode is nobody's promise. Docker starts it anywhere, so it says itself where the code is.
    """
    if shutil.which(HELPER):
        return dict(os.environ)
    code = str(Path(boatyard_aws.__file__).parent.parent)
    folder.mkdir(mode=0o700)
    program = folder / HELPER
    paths = os.pathsep.join(filter(None, (code, os.environ.get("PYTHONPATH"))))
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(paths)} exec {shlex.quote(sys.executable)}"
        ' -m boatyard_aws.credential "$@"\n'
    )
    program.chmod(0o700)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
