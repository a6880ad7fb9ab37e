"""Creates an engine in the machine's own Docker: a buildx builder and a registry container for this folder alone."""

import hashlib
import os
from pathlib import Path
from typing import Any, Final

import tomli_w

from boatyard_local.engine import bases, login, network, ports, registry
from boatyard_local.engine.command import ask
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.environment import docker_environment
from boatyard_local.engine.imports import ImportBuilder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.making import Making
from boatyard_local.engine.model import Engine, EngineError
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.registry import RegistryAccount

_REGISTRY_IMAGE: Final = "registry:2"
# The registries of base images. Behind a company's own CA, the builder must trust it for each of them.
_PULLED_FROM: Final = ("docker.io", "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws", "mcr.microsoft.com")


class CannotStart(EngineError):
    """This Docker starts neither the builder nor the registry; unpacked packages may work."""


def make(making: Making, docker: Docker, machine: Debian | str) -> Engine:
    """The engine in this Docker. Raises CannotStart if the builder or the registry does not start."""
    found = network.detect(os.environ, network.pip_files(), "default")
    making.progress.expect(1)
    with making.progress.step(f"Registry and BuildKit on Docker {docker.version}") as step:
        try:
            port = start_registry(making, docker)
            address = f"127.0.0.1:{port}"
            login.write_docker_config(making.layout, address, _users_folder())
            name = start_builder(making, docker, address, found.ca_bundle)
        except EngineError as error:
            raise CannotStart(str(error)) from error
        step.say(f"registry on {address}")
    wanted = bases.choose(machine)
    missing = bases.kept(wanted, RegistryAccount.of(making.layout, address), making.ledger).missing
    tasks = making.uv() + making.root(wanted, missing=len(missing) == len(wanted))
    making.progress.expect(len(tasks) + len(missing))
    making.at_once(tasks)
    return making.finish(
        "docker", ImportBuilder(docker.command, "", str(making.layout.docker_config), name, address, found), wanted
    )


def builder_name(layout: Layout) -> str:
    """One builder for each folder: its configuration names this folder's registry, and `make clean` removes it."""
    return f"boatyard-{layout.identity}"


def registry_name(layout: Layout) -> str:
    return f"boatyard-registry-{layout.identity}"


def buildkitd(address: str, ca_bundle: str) -> str:
    """https://docs.docker.com/build/buildkit/toml-configuration/"""
    registries: dict[str, Any] = {address: {"http": True, "insecure": True}}
    if ca_bundle:
        registries |= {host: {"ca": [ca_bundle]} for host in _PULLED_FROM}
    return tomli_w.dumps({"registry": registries})


def start_registry(making: Making, docker: Docker) -> int:
    """Starts the registry's container, or an existing one; returns its port on 127.0.0.1."""
    layout, commands = making.layout, making.commands
    name = registry_name(layout)
    port = _made(docker, name)
    if not port:
        port = ports.free_port(making.ledger.port)
        commands.run(
            [
                *(docker.command, "create", "--name", name, "--restart=unless-stopped"),
                *("--label", f"boatyard.state={layout.state}"),
                *("--publish", f"127.0.0.1:{port}:5000", "--volume", f"{name}:/var/lib/registry"),
                *("--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", "--env", "REGISTRY_AUTH=htpasswd"),
                *("--env", "REGISTRY_AUTH_HTPASSWD_REALM=boatyard", "--env", _GUARDED, _REGISTRY_IMAGE),
            ],
            what=f"making a container of {_REGISTRY_IMAGE} on Docker",
            log="registry-create",
        )
    # Copied instead of mounted: the daemon may be in a virtual machine without access to this folder.
    htpasswd = login.write_htpasswd(layout)
    copied = [docker.command, "cp", str(htpasswd), f"{name}:{_HTPASSWD}"]
    commands.run(copied, what="giving the registry its password file", log="registry-cp")
    commands.run([docker.command, "restart", name], what="starting the registry", log="registry-start")
    account = RegistryAccount.of(layout, f"127.0.0.1:{port}")
    registry.wait(account, "the registry's container does not answer; is Docker on another machine?")
    making.remember_port(port)
    return port


_PORT: Final = '{{(index (index .HostConfig.PortBindings "5000/tcp") 0).HostPort}}'
_HTPASSWD: Final = "/boatyard.htpasswd"
_GUARDED: Final = f"REGISTRY_AUTH_HTPASSWD_PATH={_HTPASSWD}"


def _made(docker: Docker, name: str) -> int:
    """The port of the registry's container; 0 without one, or if it answers without a login."""
    found = ask([docker.command, "container", "inspect", "--format", f"{_PORT} {{{{.Config.Env}}}}", name])
    if found is None or found.returncode != 0:
        return 0
    port, _, environment = found.stdout.strip().partition(" ")
    if _GUARDED in environment and port.isdigit():
        return int(port)
    ask([docker.command, "rm", "--force", name], timeout=60)  # an earlier version made it; its data is in a volume
    return 0


def _users_folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _signed_in(layout: Layout) -> dict[str, str]:
    """The environment for buildx: its builder is stored in the folder with the registry's login, not in the user's
    own."""
    return docker_environment("", str(layout.docker_config))


def start_builder(making: Making, docker: Docker, address: str, ca_bundle: str) -> str:
    """Creates the builder, or replaces one with another configuration; returns its name."""
    layout, commands = making.layout, making.commands
    name = builder_name(layout)
    text = buildkitd(address, ca_bundle)
    path = layout.engine / f"buildkitd-{hashlib.sha256(text.encode()).hexdigest()[:12]}.toml"
    env = _signed_in(layout)
    inspected = ask([docker.command, "buildx", "inspect", "--bootstrap", name], env=env, timeout=120)
    if path.exists() and inspected is not None and inspected.returncode == 0:
        return name
    ask([docker.command, "buildx", "rm", "--force", name], env=env)
    for old in layout.engine.glob("buildkitd-*.toml"):
        old.unlink()
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    commands.run(
        [
            *(docker.command, "buildx", "create", "--name", name, "--driver=docker-container"),
            # the registry's port is published on the host's loopback
            *("--driver-opt=network=host", "--config", partial, "--bootstrap"),
        ],
        what="starting a BuildKit on Docker",
        log="builder",
        env=env,
    )
    partial.rename(path)
    return name


def remove(layout: Layout, command: str) -> None:
    """Removes the builder, the container and the registry's volume of this folder."""
    ask([command, "buildx", "rm", "--force", builder_name(layout)], env=_signed_in(layout), timeout=60)
    ask([command, "rm", "--force", registry_name(layout)], timeout=60)
    ask([command, "volume", "rm", "--force", registry_name(layout)], timeout=60)


def stop(layout: Layout, command: str) -> None:
    ask([command, "buildx", "stop", builder_name(layout)], env=_signed_in(layout), timeout=60)
    ask([command, "stop", registry_name(layout)], timeout=60)


def answers(layout: Layout, engine: Engine) -> bool:
    """Whether the registry and the builder answer; the latter check runs a docker command (0.1 s)."""
    if not registry.answers(RegistryAccount.of(layout, engine.registry)):
        return False
    login.write_docker_config(layout, engine.registry, _users_folder())
    found = ask([engine.docker, "buildx", "inspect", builder_name(layout)], env=_signed_in(layout), timeout=10)
    return found is not None and found.returncode == 0 and "running" in found.stdout
