"""ID tokens for people who are signed in only to gcloud: `gcloud auth login` writes no file that other programs
read."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from boatyard_gcp.id_token import IdToken, NoToken, checked, claims_of
from boatyard_gcp.identity import VARIABLE
from boatyard_serverless.rest import is_token

IMPERSONATE: Final = "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"
"""gcloud's variable for the service account to impersonate."""
_ACCOUNTS: Final = ".gserviceaccount.com"
_SECONDS: Final = 60.0
_ADVICE: Final = "sign in with `gcloud auth login`, or with `gcloud auth application-default login`"


def fetch(audience: str, environ: Mapping[str, str]) -> IdToken:
    """Raises NoToken.

    gcloud refuses an audience for people, and a service accepts a service account's token only for its own address.
    """
    program = shutil.which("gcloud", path=environ.get("PATH"))
    if program is None:
        raise NoToken(f"no Google credentials were found; {_ADVICE}, or name a credential file in {VARIABLE}")
    if environ.get(IMPERSONATE, "").strip():
        token = _print(program, environ, f"--audiences={audience}", "--include-email")
    else:
        token = _print(program, environ)
        if claims_of(token).email.endswith(_ACCOUNTS):
            token = _print(program, environ, f"--audiences={audience}")
    if not is_token(token):
        raise NoToken(f"no Google credentials were found, and gcloud gives no ID token; {_ADVICE}")
    return checked(token, "gcloud")


def _print(program: str, environ: Mapping[str, str], *options: str) -> str:
    """Empty if gcloud prints none."""
    try:
        done = subprocess.run(
            [program, "auth", "print-identity-token", "--quiet", *options],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.decode("ascii", "replace").strip()
