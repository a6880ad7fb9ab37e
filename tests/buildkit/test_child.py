"""A job that its function started ends with the function."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FUNCTION = """
import os, subprocess, sys
job = [sys.executable, "-m", "boatyard_buildkit", "--job", sys.argv[1], "--out", sys.argv[2]]
started = subprocess.Popen([*job, "--ends-with", str(os.getpid())])
print(started.pid, flush=True)
started.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot end a process with its parent")
def test_a_job_dies_with_the_function_that_started_it(tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    os.mkfifo(job)  # who opens it for reading waits
    function = subprocess.Popen([sys.executable, "-c", FUNCTION, job, tmp_path / "out"], stdout=subprocess.PIPE)
    with function:
        assert function.stdout
        pid = int(function.stdout.readline())
        with job.open("wb"):  # the job reads
            os.kill(pid, 0)
            function.send_signal(signal.SIGKILL)
            deadline = time.monotonic() + 20
            while _runs(pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
