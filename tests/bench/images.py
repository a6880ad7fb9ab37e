"""The measured image, and its small changes."""

from pathlib import Path

import flyte

ADDED = (
    *("pluggy==1.5.0", "iniconfig==2.1.0", "tomli==2.2.1", "attrs==25.3.0"),
    *("toml==0.10.2", "wrapt==1.17.2", "zipp==3.21.0"),
)
"""One package a run, so that no run finds another's layer. No other package needs them."""


def image(base: str, source: Path, *, added: str = "") -> flyte.Image:
    """apt curl and git, pip requests, rich and pandas, one source file: what a small project needs."""
    packages = ["requests==2.32.3", "rich==14.0.0", "pandas==2.2.3", *([added] if added else [])]
    return (
        flyte.Image.from_base(base)
        .clone(name="bench", extendable=True, python_version=(3, 11))
        .with_apt_packages("curl", "git")
        .with_pip_packages(*packages)
        .with_source_file(source, "/srv/main.py")
    )
