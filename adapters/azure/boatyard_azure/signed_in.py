"""The credentials that azure-identity finds on a person's machine: a service principal in the environment, `az login`,
and those of other tools."""

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING

from boatyard.errors import BoatyardError, Code
from boatyard_azure.identity import AccessToken

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


class SignedIn:
    """A `boatyard_azure.identity.TokenSource`. The first token imports azure-identity."""

    def __call__(self, resource: str) -> AccessToken:
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        try:
            token = self._credential.get_token(f"{resource}/.default")
        except ClientAuthenticationError:  # its text names every place where it has looked, and may quote the answer
            raise BoatyardError(
                Code.DATAPLANE_DENIED, f"there are no Azure credentials for {resource}: sign in with `az login`"
            ) from None
        except AzureError as error:
            reason = type(error).__name__
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"no Azure token can be had now ({reason})") from None
        return AccessToken(token.token, token.expires_on - time.time())

    @cached_property
    def _credential(self) -> "DefaultAzureCredential":
        from azure.identity import DefaultAzureCredential

        # It warns of each credential that it does not find.
        logging.getLogger("azure.identity").setLevel(logging.ERROR)
        return DefaultAzureCredential()
