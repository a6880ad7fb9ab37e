"""Detects a company network's settings for builds, from existing variables and files."""

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from boatyard.settings import Network

_CA_BUNDLES: Final = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
_INDEX: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_EXTRA: Final = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def detect(environ: Mapping[str, str], pip_files: Iterable[Path], mode: str) -> Network:
    """The CA bundle, indexes and proxies for builds. As in pip, variables override pip's files.

    Only http and https indexes are used: builds cannot read a local folder.
    """
    pip = _pip_settings(pip_files)
    indexes = [*(environ.get(name, "") for name in _INDEX), *pip.get("index-url", ())]
    extra = next((environ[name] for name in _EXTRA if environ.get(name)), "").split()
    return Network(
        ca_bundle=_ca_bundle([*(environ.get(name, "") for name in _CA_BUNDLES), *pip.get("cert", ())]),
        index_url=next(iter(_reachable_urls(indexes)), ""),
        extra_index_urls=tuple(_reachable_urls(extra or pip.get("extra-index-url", ()))),
        http_proxy=_either(environ, "http_proxy"),
        https_proxy=_either(environ, "https_proxy"),
        no_proxy=_either(environ, "no_proxy"),
        mode="host" if mode == "host" else "default",
    )


def pip_files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """pip's configuration files, in ascending priority (https://pip.pypa.io/en/stable/topics/configuration/)."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    mac = home / "Library/Application Support/pip/pip.conf"
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf", mac]
    return [*files, Path(chosen)] if chosen else files


def _pip_settings(files: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text())
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({name: tuple(value.split()) for name, value in parser.items(section)})
    return found


def _ca_bundle(candidates: Iterable[str]) -> str:
    """The first that is a file; REQUESTS_CA_BUNDLE may also be a folder, which cannot be mounted as one file."""
    return next((path for path in candidates if path and Path(path).is_file()), "")


def _reachable_urls(urls: Iterable[str]) -> list[str]:
    # uv writes a named index as name=url
    bare = (url.split("=", 1)[1] if "=" in url.split("://")[0] else url for url in urls if url)
    return [url for url in bare if url.startswith(("http://", "https://"))]


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""
