"""`python -m boatyard_kubernetes manifests|certificates …`: YAML on standard output, for `kubectl apply -f -`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from boatyard.decoding import Undecodable
from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard.settings_document import settings_table, to_settings
from boatyard_kubernetes.manifests import all_objects, to_yaml


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="boatyard_kubernetes")
    commands = parser.add_subparsers(dest="command", required=True)
    manifests = commands.add_parser("manifests", help="namespaces, service accounts, RBAC, and the managed buildkitd")
    certificates = commands.add_parser("certificates", help="Secrets for mutual TLS with the managed buildkitd")
    for command in (manifests, certificates):
        command.add_argument("--config", type=Path, help="settings (TOML or JSON); the defaults without")
        command.add_argument("--namespace", action="append", required=True, help="a namespace of builds; repeatable")
    manifests.add_argument("--subject-kind", choices=("User", "Group", "ServiceAccount"), default="User")
    manifests.add_argument("--subject-name", required=True, help="who the function is to the cluster")
    manifests.add_argument("--subject-namespace", default="", help="of a ServiceAccount")
    manifests.add_argument(
        "--service-account-annotation",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="workload identity of the builds' service account; repeatable",
    )
    certificates.add_argument("--days", type=int, default=365)
    options = parser.parse_args(arguments)
    try:
        settings = _settings(options.config)
    except (OSError, Undecodable) as error:
        print(f"boatyard_kubernetes: {options.config}: {error}", file=sys.stderr)
        return 1
    except BoatyardError as error:
        print(f"boatyard_kubernetes: {error.detail}", file=sys.stderr)
        return 1
    if options.command == "certificates":
        from boatyard_kubernetes.certificates import certificate_secrets

        sys.stdout.write(to_yaml(certificate_secrets(settings, options.namespace, days=options.days)))
        return 0
    subject = {"kind": options.subject_kind, "name": options.subject_name}
    if options.subject_namespace:
        subject["namespace"] = options.subject_namespace
    annotations = dict(pair.partition("=")[::2] for pair in options.service_account_annotation)
    sys.stdout.write(
        to_yaml(
            all_objects(
                settings,
                namespaces=options.namespace,
                subject=subject,
                service_account_annotations=annotations,
            )
        )
    )
    return 0


def _settings(path: Path | None) -> Settings:
    if path is None:
        return Settings()
    return to_settings(settings_table(path.read_bytes(), path.name), str(path))
