"""The folder of an instance's one build."""

import subprocess
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.inline.place import place


def test_an_instance_carries_out_one_build_at_a_time(tmp_path: Path) -> None:
    with place(tmp_path), pytest.raises(BoatyardError) as refused, place(tmp_path):
        pass
    assert refused.value.meaning.retryable
    with place(tmp_path):
        pass


def test_what_a_killed_function_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "boatyard-inline" / "out"
    left.mkdir(parents=True)
    (left / "large").write_bytes(b"x")
    with place(tmp_path) as where:
        assert not list(where.folder.iterdir())


def test_nobody_gets_it_while_the_job_of_a_killed_function_still_runs(tmp_path: Path) -> None:
    with place(tmp_path) as where:
        job = subprocess.Popen(["sleep", "60"], pass_fds=[where.lock])
    with job:
        with pytest.raises(BoatyardError), place(tmp_path):
            pass
        job.kill()
    with place(tmp_path):
        pass
