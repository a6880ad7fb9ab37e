"""The stage's python answers the one question that it knows, and says what it was asked otherwise."""

from pathlib import Path

import pytest

from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.stage import StageFolder
from boatyard_layers.wheels.uv_process import UvTool
from tests.layers.own_interpreter import own_interpreter


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("-I -c 'from python.get_interpreter_info import main; main()'", "this version of uv asks the interpreter"),
        ("-c 'import setuptools'", "has to be built from source"),
    ],
)
def test_the_reason_says_what_was_asked(tmp_path: Path, asked: str, reason: str) -> None:
    stage = StageFolder(tmp_path / "venv", own_interpreter("/opt/venv"))
    stage.make()
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\n{stage.python} {asked}\nexit 2\n")
    uv.chmod(0o755)
    with pytest.raises(NotExact, match=reason):
        UvTool(program=uv, cache=tmp_path / "cache", variables={}).run(stage, ("pip", "install"), ())
