"""Virtual environments for the tests' own tools, from locks with hashes, created once below .boatyard/."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".boatyard" / "terraform"


def environment(lock: str) -> Path:
    """The `bin` folder of an environment with exactly the packages of `requirements/<lock>`."""
    requirements = ROOT / "requirements" / lock
    stamp = hashlib.sha256(f"{sys.version}\n{requirements.read_text()}".encode()).hexdigest()
    folder = HOME / requirements.stem
    done = folder / "stamp"
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f"{requirements.stem}.lock").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        if not done.is_file() or done.read_text() != stamp:
            uv = [sys.executable, "-m", "uv"]
            settings = _index_of_pip()
            subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
            install = ["pip", "sync", "-q", "--python", folder / "bin" / "python", "--require-hashes", requirements]
            subprocess.run([*uv, *install], check=True, env={**os.environ, **settings})
            done.write_text(stamp)
    return folder / "bin"


def _index_of_pip() -> dict[str, str]:
    """Passes the company's index and CA bundle to uv, which does not read pip's configuration."""
    settings = {}
    if not (os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")):
        asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        index = os.environ.get("PIP_INDEX_URL") or subprocess.run(asked, capture_output=True, text=True).stdout.strip()
        if index.startswith(("http://", "https://")):
            settings["UV_DEFAULT_INDEX"] = index
    authorities = os.environ.get("PIP_CERT") or os.environ.get("REQUESTS_CA_BUNDLE")
    if authorities and not os.environ.get("SSL_CERT_FILE"):
        settings["SSL_CERT_FILE"] = authorities
    return settings
