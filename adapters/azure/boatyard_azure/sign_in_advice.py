"""What to do where Entra ID gives a caller no token.

azure-identity says "please run az login" whatever the reason is; the number behind AADSTS tells the reasons apart
(https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

import re
from typing import Final

_NUMBER: Final = re.compile(r"AADSTS(\d{4,8})")
_AZURE_CLI: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Azure CLI's own application, which is the same in every tenant."""
_CONSENT: Final = frozenset({"65001", "65004", "90094"})
_UNKNOWN: Final = frozenset({"500011", "650057", "28000"})
_UNASSIGNED: Final = frozenset({"50105", "501051"})
_AGAIN: Final = frozenset({"50076", "50078", "50079", "50132", "50173", "70043", "700082", "70008", "53003"})


def advice(error: str, scope: str) -> str:
    """`error` is azure-identity's text, of which only the number is repeated: it may quote an answer."""
    found = _NUMBER.search(error)
    number = found[1] if found else ""
    named = f" (AADSTS{number})" if number else ""
    resource = scope.removesuffix("/.default")
    sign_in = f'az login --scope "{scope}"'
    if number in _CONSENT:
        return (
            f"Azure CLI may not ask for tokens of {resource}{named} yet: consent with `{sign_in}`, or let an "
            f"administrator add {_AZURE_CLI} to the authorized clients of the application (Expose an API)"
        )
    if number in _UNKNOWN:
        return (
            f"the tenant that you are signed in to does not know {resource}{named}: sign in to the deployment's with "
            "`az login --tenant TENANT`, or correct BOATYARD_TOKEN_SCOPE"
        )
    if number in _UNASSIGNED:
        return (
            f"you are not assigned to the application {resource}{named}: an administrator assigns users and workloads "
            "under Enterprise applications, Users and groups"
        )
    if number in _AGAIN:
        return f"your sign-in has expired or needs another factor{named}: {sign_in}"
    return f"there are no Azure credentials for {resource}{named}: sign in with `{sign_in}`"
