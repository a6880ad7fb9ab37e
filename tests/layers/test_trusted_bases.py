"""Whose interpreters run where the kernel cannot confine them."""

from pathlib import Path
from typing import Any

import pytest

from boatyard_layers import unpacked_interpreter
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import PYTHON
from boatyard_layers.sandbox import landlock, programs, seccomp
from boatyard_layers.unpacked_interpreter import unpack


@pytest.mark.parametrize("missing", [(landlock, "version", lambda: 0), (seccomp, "available", lambda: False)])
def test_without_a_sandbox_only_a_trusted_base_s_does(
    missing: tuple[Any, str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unpacked_interpreter.can_confine is programs.can_confine
    monkeypatch.setattr(*missing)
    none: Any = None
    image = (Inventory.empty(), PYTHON, (), none, none, BuilderCache(tmp_path))
    with pytest.raises(NotExact, match="trustedBases"):
        unpack(*image)
    with pytest.raises(NotExact, match=f"the image has no {PYTHON}"):
        unpack(*image, trusted=True)
