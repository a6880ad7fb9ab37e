"""Provides providers to a Terraform that cannot reach its registry.

azurerm, google, kubernetes and tls are always the stub: neither a cloud nor a cluster is behind a test. aws is the real
provider, from a mirror on this machine's disk if there is one, else from Terraform's registry.
"""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.terraform.offline.environment import environment

HERE = Path(__file__).parent
ADDRESS = "registry.terraform.io/hashicorp"


class Providers(NamedTuple):
    configuration: Path
    """Terraform's CLI configuration."""
    attached: str
    """TF_REATTACH_PROVIDERS: the stubs, which run already."""


def local_mirror(provider: str) -> Path | None:
    """A provider mirror on this disk, in the layout that Terraform documents, two folders below the root."""
    for folder in sorted(Path("/").glob(f"*/*/{ADDRESS}/{provider}")):
        return folder.parents[2]
    return None


@contextmanager
def providers(folder: Path) -> Iterator[Providers]:
    """One process has all stubs for all commands: Terraform itself would start each provider in each phase of each
    command, which takes longer than the rest of the tests."""
    real = local_mirror("aws")
    source = f'  filesystem_mirror {{\n    path    = "{real}"\n    include = ["hashicorp/aws"]\n  }}\n' if real else ""
    configuration = folder / "terraform.tfrc"
    configuration.write_text(
        f"disable_checkpoint = true\nprovider_installation {{\n{source or '  direct {}' + chr(10)}}}\n"
    )
    schemas = {f"{ADDRESS}/{path.name.partition('.')[0]}": path for path in sorted(HERE.glob("schemas/*.json.gz"))}
    # A socket's path has at most 107 bytes, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="stub-") as sockets:
        command = [environment("terraform-stub.txt") / "python", HERE / "stub", sockets]
        command += [f"{address}={path}" for address, path in schemas.items()]
        stub = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert stub.stdin is not None and stub.stdout is not None
        try:
            attached = stub.stdout.readline().strip()
            assert attached, "the stubs did not start"
            yield Providers(configuration, attached)
        finally:
            stub.stdin.close()
            stub.wait(30)
            stub.stdout.close()


@contextmanager
def attached(program: Path, others: str, environment: Mapping[str, str]) -> Iterator[str]:
    """A real provider in one process for all commands, beside the `others` that run already.

    A provider reads its process's environment, so each account needs a process of its own.
    """
    command, quiet = [program, "-debug"], subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, env=dict(environment), text=True) as process:
        assert process.stdout is not None
        try:
            found = next((line for line in process.stdout if "TF_REATTACH_PROVIDERS=" in line), "")
            assert found, f"{program.name} did not start"
            # nobody reads its log, and a full pipe would stop it
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield json.dumps(json.loads(others) | json.loads(found.partition("=")[2].strip().strip("'")))
        finally:
            process.terminate()
