"""Addresses of Azure's services, and the resources that its access tokens are for.

AZURE_AUTHORITY_HOST names the cloud, as for Azure's SDKs and AKS's workload identity: public, US Government or China.
BOATYARD_BLOB_ENDPOINT, BOATYARD_QUEUE_ENDPOINT and BOATYARD_MANAGEMENT_ENDPOINT move one service, such as to a private
DNS zone. All of them need TLS, except on this machine; SSL_CERT_FILE adds a private authority.
"""

import os
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from boatyard.errors import invalid
from boatyard_serverless.rest import takes_token

Audience = Literal["storage", "vault", "management", "registry", "cluster"]
"""Who an access token is for."""

_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}\Z")
_VAULT: Final = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]\Z")


class AzureCloud(msgspec.Struct, frozen=True, kw_only=True):
    """One of Microsoft's clouds, which share no accounts (https://learn.microsoft.com/azure/azure-government/,
    https://learn.microsoft.com/azure/china/resources-developer-guide)."""

    authority: str
    management: str
    management_audience: str
    storage: str
    """Suffix of storage accounts' hosts."""
    vault: str
    registry: str

    def resource(self, audience: Audience) -> str:
        """What an access token for the audience names. With `/.default` behind it, it is the scope."""
        match audience:
            case "storage":
                return "https://storage.azure.com"
            case "vault":
                return f"https://{self.vault}"
            case "management":
                return self.management_audience
            case "registry":
                return "https://containerregistry.azure.net"
            case "cluster":  # the first-party application of every AKS cluster with Entra ID
                return "6dae42f8-4368-4678-94ff-3960e28e3630"


PUBLIC: Final = AzureCloud(
    authority="https://login.microsoftonline.com",
    management="https://management.azure.com",
    management_audience="https://management.azure.com",
    storage="core.windows.net",
    vault="vault.azure.net",
    registry="azurecr.io",
)
GOVERNMENT: Final = AzureCloud(
    authority="https://login.microsoftonline.us",
    management="https://management.usgovcloudapi.net",
    management_audience="https://management.core.usgovcloudapi.net",
    storage="core.usgovcloudapi.net",
    vault="vault.usgovcloudapi.net",
    registry="azurecr.us",
)
CHINA: Final = AzureCloud(
    authority="https://login.chinacloudapi.cn",
    management="https://management.chinacloudapi.cn",
    management_audience="https://management.chinacloudapi.cn",
    storage="core.chinacloudapi.cn",
    vault="vault.azure.cn",
    registry="azurecr.cn",
)
_BY_AUTHORITY: Final[Mapping[str, AzureCloud]] = {
    "login.microsoftonline.us": GOVERNMENT,
    "login.chinacloudapi.cn": CHINA,
    "login.partner.microsoftonline.cn": CHINA,
}


class AzureEndpoints:
    """Every method raises INVALID_SPEC if a variable or a name makes no address that a token may be sent to."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    @property
    def cloud(self) -> AzureCloud:
        return _BY_AUTHORITY.get(urlsplit(self.authority()).hostname or "", PUBLIC)

    def authority(self) -> str:
        """Entra ID's address."""
        named = self._environ.get("AZURE_AUTHORITY_HOST", "").strip()
        if named and "://" not in named:
            named = f"https://{named}"
        return _checked(named, "AZURE_AUTHORITY_HOST") if named else PUBLIC.authority

    def resource(self, audience: Audience) -> str:
        return self.cloud.resource(audience)

    def blob(self, account: str) -> str:
        return self._named("BOATYARD_BLOB_ENDPOINT") or f"https://{_account(account)}.blob.{self.cloud.storage}"

    def queue(self, account: str) -> str:
        return self._named("BOATYARD_QUEUE_ENDPOINT") or f"https://{_account(account)}.queue.{self.cloud.storage}"

    def vault(self, name: str) -> str:
        """`name` may be the vault's address."""
        if "://" in name:
            return _checked(name, "the vault's address")
        if not _VAULT.match(name):
            raise invalid(f"{name[:100]!r} is no name of a key vault")
        return f"https://{name.lower()}.{self.cloud.vault}"

    def management(self) -> str:
        """The address of Azure Resource Manager."""
        return self._named("BOATYARD_MANAGEMENT_ENDPOINT") or self.cloud.management

    def _named(self, variable: str) -> str:
        named = self._environ.get(variable, "").strip()
        return _checked(named, variable) if named else ""


def _checked(url: str, what: str) -> str:
    """Without a slash at its end."""
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc or not takes_token(url):
        raise invalid(f"{what} is no https address")
    return url.rstrip("/")


def _account(name: str) -> str:
    if not _ACCOUNT.match(name):
        raise invalid(f"{name[:100]!r} is no name of a storage account: 3 to 24 lower-case letters and digits")
    return name
