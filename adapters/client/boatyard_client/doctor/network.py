"""Checks the network as a RUN step uses it: the package index, with uv and the settings' CA bundle."""

import os
import platform
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Final

from boatyard.finding import Finding, fail, ok, warn
from boatyard.settings import Network

_SECONDS: Final = 30
_ANY_PACKAGE: Final = "packaging"
_FRAME: Final = " ├╰─▶│\u00d7"
"""The characters of uv's frames around errors."""


def check(network: Network) -> Finding:
    if network.ca_bundle and (reason := _bundle_is_bad(network.ca_bundle)):
        return fail("network", f"network.caBundle {network.ca_bundle}: {reason}", "Name a file of PEM certificates.")
    uv = _uv()
    if uv is None:
        return warn("network", "the package index was not tried: uv is not installed here", "pip install uv")
    # Only asks the index. It installs nothing, and its cache is deleted.
    arguments = [uv, "pip", "compile", "--quiet", "--no-deps", "--no-cache", "--no-config", "--no-header", "-"]
    if network.index_url:
        arguments += ["--default-index", network.index_url]
    try:
        done = subprocess.run(
            arguments,
            input=_ANY_PACKAGE,
            capture_output=True,
            text=True,
            errors="replace",
            env=_environment(network),
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return fail("network", f"the package index did not answer in {_SECONDS} s", _advice(network))
    if done.returncode != 0:
        return fail("network", f"the package index cannot be used: {_reason(done.stderr)}", _advice(network))
    trusted = f", trusting {network.ca_bundle}" if network.ca_bundle else ""
    return ok("network", f"the package index answers{trusted}")


def _environment(network: Network) -> dict[str, str]:
    """The environment that a build also has: its settings determine certificates, proxies and the index."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))}
    settings = {
        "SSL_CERT_FILE": network.ca_bundle,
        "HTTP_PROXY": network.http_proxy,
        "HTTPS_PROXY": network.https_proxy,
        "NO_PROXY": network.no_proxy,
    }
    for name, value in settings.items():
        env.pop(name.lower(), None)
        if value:
            env[name] = value
        else:
            env.pop(name, None)
    return env


def _uv() -> str | None:
    beside = Path(sys.executable).parent / ("uv.exe" if platform.system() == "Windows" else "uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _bundle_is_bad(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        return "there is no such file"
    except (OSError, ssl.SSLError) as error:
        return str(error)
    return ""


def _reason(text: str) -> str:
    lines = [line.strip(_FRAME) for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _advice(network: Network) -> str:
    if not network.ca_bundle:
        return "If your company intercepts HTTPS, set network.caBundle; if it has a mirror, network.indexUrl."
    return "Check network.indexUrl, the proxies and the CA bundle in the settings."
