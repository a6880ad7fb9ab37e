"""On the machine's own Docker: a buildx builder and a registry container, both of this folder alone."""

import hashlib
import os
from typing import Final

from boatyard_local.engine import bases, network, ports, registry
from boatyard_local.engine.command import ask
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.imports import Builder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.making import Making
from boatyard_local.engine.model import Engine, EngineError
from boatyard_local.engine.packages import Debian

_REGISTRY_IMAGE: Final = "registry:2"
# The registries that bases come from; behind a company's own CA the builder must trust it for each.
_PULLED_FROM: Final = ("docker.io", "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws", "mcr.microsoft.com")


class CannotStart(EngineError):
    """This Docker runs neither the builder nor the registry; packages may."""


def make(making: Making, docker: Docker, machine: Debian | str) -> Engine:
    """The engine on this Docker. Raises CannotStart when builder or registry do not come up."""
    found = network.detect(os.environ, network.pip_files(), "default")
    making.progress.expect(1)
    with making.progress.step(f"Registry and BuildKit on Docker {docker.version}") as step:
        try:
            port = start_registry(making, docker)
            address = f"127.0.0.1:{port}"
            name = start_builder(making, docker, address, found.ca_bundle)
        except EngineError as error:
            raise CannotStart(str(error)) from error
        step.say(f"registry on {address}")
    wanted = bases.choose(machine)
    missing = bases.kept(wanted, address, making.ledger).missing
    tasks = making.uv() + making.root(wanted, missing=len(missing) == len(wanted))
    making.progress.expect(len(tasks) + len(missing))
    making.at_once(tasks)
    return making.finish("docker", Builder(docker.command, "", "", name, address, found), wanted)


def builder_name(layout: Layout) -> str:
    """One for each folder: its configuration names this folder's registry, and `make clean` removes it."""
    return f"boatyard-{layout.identity}"


def registry_name(layout: Layout) -> str:
    return f"boatyard-registry-{layout.identity}"


def buildkitd(address: str, ca_bundle: str) -> str:
    """https://docs.docker.com/build/buildkit/toml-configuration/"""
    trusted = "".join(f'\n[registry."{host}"]\n  ca = ["{ca_bundle}"]\n' for host in _PULLED_FROM)
    return f'[registry."{address}"]\n  http = true\n  insecure = true\n' + (trusted if ca_bundle else "")


def start_registry(making: Making, docker: Docker) -> int:
    """Start the registry container, or the one that is there; returns its port on 127.0.0.1."""
    layout, commands = making.layout, making.commands
    name = registry_name(layout)
    found = ask([docker.command, "container", "inspect", "--format", _PORT, name])
    if found is not None and found.returncode == 0 and found.stdout.strip().isdigit():
        port = int(found.stdout)
        commands.run([docker.command, "start", name], what="starting the registry", log="registry-start")
    else:
        port = ports.free_port(making.ledger.port)
        commands.run(
            [
                *(docker.command, "run", "--detach", "--name", name, "--restart=unless-stopped"),
                *("--label", f"boatyard.state={layout.state}"),
                *("--publish", f"127.0.0.1:{port}:5000", "--volume", f"{name}:/var/lib/registry"),
                *("--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", _REGISTRY_IMAGE),
            ],
            what=f"starting {_REGISTRY_IMAGE} on Docker",
            log="registry-run",
        )
    registry.wait(f"127.0.0.1:{port}", "the registry's container does not answer; is Docker on another machine?")
    making.remember_port(port)
    return port


_PORT: Final = '{{(index (index .HostConfig.PortBindings "5000/tcp") 0).HostPort}}'


def start_builder(making: Making, docker: Docker, address: str, ca_bundle: str) -> str:
    """Make the builder, or make it anew when its configuration has changed; returns its name."""
    layout, commands = making.layout, making.commands
    name = builder_name(layout)
    text = buildkitd(address, ca_bundle)
    path = layout.engine / f"buildkitd-{hashlib.sha256(text.encode()).hexdigest()[:12]}.toml"
    inspected = ask([docker.command, "buildx", "inspect", "--bootstrap", name], timeout=120)
    if path.exists() and inspected is not None and inspected.returncode == 0:
        return name
    ask([docker.command, "buildx", "rm", "--force", name])
    for old in layout.engine.glob("buildkitd-*.toml"):
        old.unlink()
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    commands.run(
        [
            *(docker.command, "buildx", "create", "--name", name, "--driver=docker-container"),
            # the registry is published on the host's loopback
            *("--driver-opt=network=host", "--config", partial, "--bootstrap"),
        ],
        what="starting a BuildKit on Docker",
        log="builder",
    )
    partial.rename(path)
    return name


def remove(layout: Layout, command: str) -> None:
    """Remove the builder, the container and the registry's volume of this folder."""
    ask([command, "buildx", "rm", "--force", builder_name(layout)], timeout=60)
    ask([command, "rm", "--force", registry_name(layout)], timeout=60)
    ask([command, "volume", "rm", "--force", registry_name(layout)], timeout=60)


def stop(layout: Layout, command: str) -> None:
    ask([command, "buildx", "stop", builder_name(layout)], timeout=60)
    ask([command, "stop", registry_name(layout)], timeout=60)


def answers(layout: Layout, engine: Engine) -> bool:
    """True if registry and builder are up; the second question costs a docker command (0.1 s)."""
    if not registry.answers(engine.registry):
        return False
    found = ask([engine.docker, "buildx", "inspect", builder_name(layout)], timeout=10)
    return found is not None and found.returncode == 0 and "running" in found.stdout
