"""Provides providers to a Terraform that cannot reach its registry.

google, kubernetes and tls are always the stub: neither a cloud nor a cluster is behind a test. aws is the real
provider, from a mirror on this machine's disk if there is one, else from where `terraform init` finds it.
"""

import platform
import stat
from pathlib import Path

from tests.terraform.offline.environment import environment

HERE = Path(__file__).parent
VERSIONS = {"google": "6.50.0", "kubernetes": "2.38.0", "tls": "4.1.0"}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
PLATFORM = f"{platform.system().lower()}_{_MACHINES.get(platform.machine(), platform.machine())}"
HOST = "registry.terraform.io"
ADDRESS = f"{HOST}/hashicorp"


def local_mirror(provider: str) -> Path | None:
    """A provider mirror on this disk, in the layout that Terraform documents, two folders below the root."""
    for folder in sorted(Path("/").glob(f"*/*/{ADDRESS}/{provider}")):
        return folder.parents[2]
    return None


def prepare(folder: Path) -> Path:
    """Writes a mirror of the stubs and the CLI configuration that names it; returns the latter."""
    python = environment("terraform-stub.txt") / "python"
    mirror = folder / "mirror"
    for name, version in VERSIONS.items():
        program = mirror / ADDRESS / name / version / PLATFORM / f"terraform-provider-{name}_v{version}"
        program.parent.mkdir(parents=True, exist_ok=True)
        schema = HERE / "schemas" / f"{name}.json.gz"
        program.write_text(f'#!/bin/sh\nexec "{python}" "{HERE / "stub"}" "{schema}" "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    sources = [_source(mirror, sorted(VERSIONS))]
    real = local_mirror("aws")
    if real:
        sources.append(_source(real, ["aws"]))
    else:
        sources.append(f"  direct {{\n    exclude = {_addresses(sorted(VERSIONS))}\n  }}\n")
    configuration = folder / "terraform.tfrc"
    configuration.write_text("disable_checkpoint = true\nprovider_installation {\n" + "".join(sources) + "}\n")
    return configuration


def _source(path: Path, providers: list[str]) -> str:
    return f'  filesystem_mirror {{\n    path    = "{path}"\n    include = {_addresses(providers)}\n  }}\n'


def _addresses(providers: list[str]) -> str:
    return "[" + ", ".join(f'"hashicorp/{name}"' for name in providers) + "]"
