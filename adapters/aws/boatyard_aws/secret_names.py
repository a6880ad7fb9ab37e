"""What a secret is called in Secrets Manager: `<prefix>/<project>/<domain>/<name>`.

A policy on `<prefix>/<project>/*` is therefore a policy on a project. The service allows letters, digits and
`/_+=.@-` (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html), which holds
every name of ours.
"""

from boatyard.policy import check_scope
from boatyard.ports import Scope
from boatyard.validate import secret_name


def secret_id(prefix: str, scope: Scope, name: str, *, field: str = "name") -> str:
    """Raises INVALID_SPEC for a name that could be another one's path."""
    return secret_prefix(prefix, scope) + secret_name(name, field=field)


def secret_prefix(prefix: str, scope: Scope) -> str:
    """What the names of a scope's secrets begin with."""
    check_scope(scope)
    return f"{prefix}/{scope.project}/{scope.domain}/"
