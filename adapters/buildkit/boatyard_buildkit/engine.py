"""Starts a Docker engine with containerd's image store, in the privileged container of a cloud's build service.

Those containers may have an engine of their own: CodeBuild's images start Docker 28.5.2 with buildx 0.32.1 and
`--storage-driver=overlay2`, also on 127.0.0.1:2375 (Dockerfile and dockerd-entrypoint.sh of
https://github.com/aws/aws-codebuild-docker-images). With that storage driver, BuildKit cannot push, export
a registry cache or attest. So this module replaces the engine by one with containerd's store, from the same programs.
Docker 29 has that store by default, and is used unchanged.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.settings import Buildkit

ROOT_VARIABLE: Final = "BOATYARD_ENGINE_ROOT"
"""Folder of the engine's data. It cannot be on the container's own file system, which is an overlay itself: the
default is below the volume that such images declare."""
_ROOT: Final = "/var/lib/docker/boatyard"
_THEIRS: Final = Path("/var/run/docker.pid")
_STORE: Final = "io.containerd.snapshotter.v1"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_ASK_SECONDS: Final = 20


@contextmanager
def engine(
    buildkit: Buildkit,
    job: BuildJob,
    place: Path,
    variables: Mapping[str, str],
    *,
    own_container: bool = False,
    closed: Sequence[str] = (),
) -> Iterator[Buildkit]:
    """The settings with the engine to use; unchanged if they name a builder or an engine themselves.

    `own_container`: a running engine belongs to this container and may be stopped. Elsewhere it is never stopped.
    `closed`: addresses that builds may not connect to, except for DNS, such as a metadata server that returns this
    container's credentials. A running engine is then not used. On the host's network nothing can be closed.

    Raises DATAPLANE_UNAVAILABLE if no engine starts.
    """
    named = buildkit.driver != "buildx" or buildkit.builder or buildkit.docker_host
    if named or (not closed and _STORE in _ask(buildkit, "info", "--format", "{{json .DriverStatus}}")):
        yield buildkit
        return
    program = shutil.which("dockerd")
    if program is None:
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, "the build's image has neither a Docker engine nor a dockerd")
    if own_container:
        _stop_theirs()
    place.mkdir()
    ours = msgspec.structs.replace(buildkit, docker_host=f"unix://{place / 'docker.sock'}")
    command = _command(program, job, place, variables.get(ROOT_VARIABLE) or _ROOT)
    with (place / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await(process, ours, place / "dockerd.log")
        if job.network.mode != "host":
            _close(closed)
        yield ours
    finally:
        _stop(process)


def _command(program: str, job: BuildJob, place: Path, root: str) -> list[str]:
    configuration = {
        "features": {"containerd-snapshotter": True},
        "insecure-registries": list(job.insecure_registries),
    }
    (place / "daemon.json").write_text(json.dumps(configuration))
    command = [
        *(program, f"--config-file={place / 'daemon.json'}", f"--data-root={root}", f"--exec-root={place / 'exec'}"),
        *(f"--pidfile={place / 'dockerd.pid'}", f"--host=unix://{place / 'docker.sock'}"),
    ]
    if job.network.mode == "host":  # then nothing needs a bridge
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    return command


def _await(process: "subprocess.Popen[bytes]", buildkit: Buildkit, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _ask(buildkit, "version", "--format", "{{.Server.Version}}"):
            return
        time.sleep(0.2)
    last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    raise BoatyardError(
        Code.DATAPLANE_UNAVAILABLE,
        f"the Docker engine did not start; is the container privileged? dockerd: {last[-500:]}",
    )


def _close(addresses: Sequence[str]) -> None:
    """Docker leaves DOCKER-USER to its users, and every packet out of a bridge passes it
    (https://docs.docker.com/engine/network/packet-filtering-firewalls/)."""
    for address in addresses:
        rule = ("--destination", address, "--protocol", "tcp", "!", "--destination-port", "53", "--jump", "REJECT")
        try:
            done = subprocess.run(
                ["iptables", "--wait", "--insert", "DOCKER-USER", *rule],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_ASK_SECONDS,
                check=False,
            )
            said = "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if said:
            detail = f"{address} could not be closed to the build's steps: iptables: {said[-500:]}"
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, detail)


def _ask(buildkit: Buildkit, *question: str) -> str:
    """The engine's answer; empty if none answers."""
    host = {"DOCKER_HOST": buildkit.docker_host} if buildkit.docker_host else {}
    try:
        asked = subprocess.run(
            [buildkit.docker, *question],
            env={**os.environ, **host},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _stop_theirs() -> None:
    """Stops the image's own engine: it holds the bridge and its firewall rules, and accepts commands over loopback."""
    try:
        number = int(_THEIRS.read_text())
        os.kill(number, signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < end:
            os.kill(number, 0)
            time.sleep(0.1)
    except (OSError, ValueError):
        return  # it has ended


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
