"""Whether a folder's file system can hold the layers of an overlay: inside a container it often cannot."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from boatyard_local.engine.command import ask

_TRY: Final = "mkdir lower upper work merged && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work x merged"


def works(folder: Path) -> bool:
    """Mounts one, in a namespace of its own that takes the mount with it when it ends."""
    probe = Path(tempfile.mkdtemp(prefix="overlay-", dir=folder))
    try:
        answer = ask(["unshare", "--mount", "/bin/sh", "-c", f'cd "$0" && {_TRY}', probe])
        return answer is not None and answer.returncode == 0
    finally:
        shutil.rmtree(probe, ignore_errors=True)
