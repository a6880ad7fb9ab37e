"""The terraform command in its own folder, so that the repository never contains a state or .terraform."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.terraform.offline.mirror import Providers

ROOT: Final = Path(__file__).parents[3]
INFRA: Final = ROOT / "infra" / "terraform"
LOOPBACK: Final = "127.0.0.1,localhost"


class TerraformFailed(Exception):
    """Terraform failed. The text is its output."""


class Terraform:
    """One root module, copied with everything that it may refer to."""

    def __init__(self, tree: Path, root: str, providers: Providers, variables: Mapping[str, str] | None = None) -> None:
        shutil.copytree(INFRA, tree, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self.folder = tree / root
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))},
            "TF_CLI_CONFIG_FILE": str(providers.configuration),
            "TF_REATTACH_PROVIDERS": providers.attached,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",  # every command reads the whole schema of the AWS provider; memory is cheaper than that
            "NO_PROXY": LOOPBACK,
            "no_proxy": LOOPBACK,
            **(variables or {}),
        }

    def attach(self, providers: str) -> None:
        """Providers that run already, in place of those that it was made with."""
        self.environment["TF_REATTACH_PROVIDERS"] = providers

    def __call__(self, *words: str, seconds: float = 300) -> str:
        """Runs terraform and returns its standard output. Raises TerraformFailed."""
        ran = subprocess.run(
            ["terraform", words[0], *words[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if ran.returncode:
            raise TerraformFailed(f"terraform {' '.join(words)}\n{ran.stdout[-6000:]}\n{ran.stderr[-6000:]}")
        return ran.stdout

    def init(self) -> None:
        self("init", "-no-color", "-input=false", "-backend=false")

    def apply(self) -> None:
        self("init", "-no-color", "-input=false")
        self("apply", "-no-color", "-input=false", "-auto-approve", seconds=480)

    def destroy(self) -> None:
        self("destroy", "-no-color", "-input=false", "-auto-approve", seconds=480)

    def outputs(self) -> dict[str, Any]:
        return {name: output["value"] for name, output in json.loads(self("output", "-json")).items()}

    def resources(self) -> dict[str, dict[str, Any]]:
        """Address -> values of every managed resource, including those of modules.

        They are read from the stored state: `terraform show -json` would read every provider's schema.
        """
        state = json.loads(self("state", "pull"))
        return {
            _address(resource, instance): instance["attributes"]
            for resource in state["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        }


def _address(resource: dict[str, Any], instance: dict[str, Any]) -> str:
    module = f"{resource['module']}." if "module" in resource else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{module}{resource['type']}.{resource['name']}{index}"
