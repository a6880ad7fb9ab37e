"""Runs builds in a buildkitd, over a socket or over TCP with mutual TLS."""

from pathlib import Path

from boatyard.settings import Buildkit
from boatyard_buildkit.drivers.driver import image_digest
from boatyard_buildkit.solve import Solve, attributes


class Buildctl:
    def __init__(self, settings: Buildkit, uri: str) -> None:
        self._settings = settings
        self._uri = uri

    def command(self, solve: Solve) -> list[str]:
        command = [self._settings.buildctl]
        if self._uri:
            command.append(f"--addr={self._uri}")
        if self._settings.tls_directory:
            folder = Path(self._settings.tls_directory)
            command += [
                f"--tlscacert={folder / 'ca.pem'}",
                f"--tlscert={folder / 'cert.pem'}",
                f"--tlskey={folder / 'key.pem'}",
            ]
        command += ["build", "--progress=rawjson", f"--metadata-file={solve.metadata}", "--frontend=dockerfile.v0"]
        # A buildkitd reuses files that it received under the same name: the scope in the name separates projects. The
        # main context cannot be renamed (`contextkey` names the option of a remote one): see `stamp`.
        dockerfile = f"dockerfile-{solve.scope}"
        command += [f"--local=context={solve.context}", f"--local={dockerfile}={solve.dockerfile_folder}"]
        options = {"dockerfilekey": dockerfile, "filename": "Dockerfile"}
        options["platform"] = ",".join(solve.platforms)
        if solve.network != "default":
            options["force-network-mode"] = solve.network
        if solve.network == "host":
            command.append("--allow=network.host")
        if solve.hosts:
            options["add-hosts"] = attributes(solve.hosts)
        if solve.target_stage:
            options["target"] = solve.target_stage
        options |= {f"build-arg:{name}": value for name, value in solve.build_args.items()}
        options |= {f"label:{name}": value for name, value in solve.labels.items()}
        for name, where in solve.contexts.items():
            if "://" in where:
                options[f"context:{name}"] = where
            else:
                local = f"{name}-{solve.scope}"
                command.append(f"--local={local}={where}")
                options[f"context:{name}"] = f"local:{local}"
        if solve.provenance != "off":
            options["attest:provenance"] = f"mode={solve.provenance}"
        if solve.sbom:
            options["attest:sbom"] = ""
        command += [f"--opt={name}={value}" for name, value in options.items()]
        command += ["--secret=" + attributes({"id": name, "src": str(path)}) for name, path in solve.secrets.items()]
        if solve.no_cache:
            command.append("--no-cache")
        if solve.cache_from:
            command.append("--import-cache=" + attributes(solve.cache_from))
        if solve.cache_to:
            command.append("--export-cache=" + attributes(solve.cache_to))
        return [*command, "--output=" + attributes(solve.output)]

    def environment(self) -> dict[str, str]:
        return {}

    def digest(self, metadata: Path) -> str | None:
        return image_digest(metadata)
