"""A key vault on loopback, as its documents describe it: versions, soft delete, recovery that takes a while.

It refuses what the models of Azure's own client do not know, which are made from the published description, and that
client is accepted here (`test_secrets`).
"""

import itertools
import re
import threading
import time
from typing import Any, Self

from azure.keyvault.secrets._generated import models

from tests.azure.entra import TENANT, Entra
from tests.azure.tls import Asked, Given, TlsServer

RESOURCE = "https://vault.azure.net"
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}\Z")
_PAGE = 25


def fields(model: type[Any]) -> set[str]:
    """Of a model in JSON."""
    model({})  # the first instance finds them
    return {field._rest_name for field in model._attr_to_rest_field.values()}


class VaultFault(Exception):
    def __init__(self, status: int, code: str, inner: str = "") -> None:
        super().__init__(code)
        error: dict[str, Any] = {"code": code, "message": "a sentence with <script> for people"}
        if inner:
            error["innererror"] = {"code": inner}
        self.given = Given(status, {"error": error})


class Vault:
    def __init__(self, entra: Entra) -> None:
        self._entra = entra
        self._secrets: dict[str, list[dict[str, Any]]] = {}
        self._deleted: dict[str, list[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self.moving: dict[str, int] = {}
        """How many more calls find the name still being deleted or recovered."""
        self.slow = 0
        """How many calls a recovery takes."""
        self.failures: list[Given] = []
        self.calls: list[Asked] = []
        self._server = TlsServer(self._answer)
        self.url = self._server.url

    def values(self, name: str) -> list[str]:
        """Those that can still be read, the oldest first."""
        return [each["value"] for each in self._secrets.get(name.lower(), []) if each["attributes"]["enabled"]]

    def names(self) -> list[str]:
        return sorted(self._secrets)

    def disable(self, name: str) -> None:
        for each in self._secrets[name.lower()]:
            each["attributes"]["enabled"] = False

    def count(self, verb: str) -> int:
        return sum(asked.verb == verb for asked in self.calls)

    def _answer(self, asked: Asked) -> Given:
        if not self._entra.knows(asked.token, RESOURCE):
            challenge = f'Bearer authorization="{self._entra.url}/{TENANT}", resource="{RESOURCE}"'
            return Given(401, {"error": {"code": "Unauthorized", "message": ""}}, {"www-authenticate": challenge})
        with self._lock:
            self.calls.append(asked)
            if self.failures:
                return self.failures.pop(0)
            try:
                if not asked.query.get("api-version"):
                    raise VaultFault(400, "BadParameter")
                return Given(200, self._carry_out(asked))
            except VaultFault as error:
                return error.given

    def _carry_out(self, asked: Asked) -> Any:
        match (asked.verb, *asked.path.strip("/").split("/")):
            case ("GET", "secrets"):
                newest = [(name, versions[-1]) for name, versions in sorted(self._secrets.items())]
                return self._page(asked, [_item(each) for _, each in newest])
            case ("PUT", "secrets", name):
                return self._set(name, _checked(asked, models.SecretSetParameters))
            case ("GET", "secrets", name):
                return self._readable(self._known(name)[-1])
            case ("GET", "secrets", name, "versions"):
                return self._page(asked, [_item(each) for each in self._secrets.get(name.lower(), [])][::-1])
            case ("GET", "secrets", name, version):
                return self._readable(self._version(name, version))
            case ("PATCH", "secrets", name, version):
                changed = self._version(name, version)
                changed["attributes"] |= _checked(asked, models.SecretUpdateParameters).get("attributes", {})
                return {name: said for name, said in changed.items() if name != "value"}
            case ("DELETE", "secrets", name):
                versions = self._known(name)
                self._deleted[name.lower()] = self._secrets.pop(name.lower())
                self.moving[name.lower()] = self.slow
                return {**_item(versions[-1]), "recoveryId": f"{self.url}/deletedsecrets/{name}"}
            case ("POST", "deletedsecrets", name, "recover"):
                if name.lower() not in self._deleted:
                    raise VaultFault(404, "SecretNotFound")
                self._secrets[name.lower()] = self._deleted.pop(name.lower())
                self.moving[name.lower()] = self.slow
                return _item(self._secrets[name.lower()][-1])
        raise VaultFault(404, "NotFound")

    def _set(self, name: str, document: dict[str, Any]) -> Any:
        if not _NAME.match(name) or len(document["value"]) > 25_000:
            raise VaultFault(400, "BadParameter")
        if any(len(tag) > 256 or len(said) > 256 for tag, said in document.get("tags", {}).items()):
            raise VaultFault(400, "BadParameter")
        self._check_moving(name)
        if name.lower() in self._deleted:
            raise VaultFault(409, "Conflict", "ObjectIsDeletedButRecoverable")
        made = {
            **document,
            "id": f"{self.url}/secrets/{name}/{next(self._numbers):032x}",
            "attributes": {"enabled": True, **document.get("attributes", {}), "created": int(time.time())},
        }
        self._secrets.setdefault(name.lower(), []).append(made)
        return made

    def _check_moving(self, name: str) -> None:
        if self.moving.get(name.lower(), 0):
            self.moving[name.lower()] -= 1
            word = "ObjectIsBeingDeleted" if name.lower() in self._deleted else "ObjectIsBeingRecovered"
            raise VaultFault(409, "Conflict", word)

    def _known(self, name: str) -> list[dict[str, Any]]:
        self._check_moving(name)
        if name.lower() not in self._secrets:
            raise VaultFault(404, "SecretNotFound")
        return self._secrets[name.lower()]

    def _version(self, name: str, version: str) -> dict[str, Any]:
        found = [each for each in self._known(name) if each["id"].endswith(f"/{version}")]
        if not found:
            raise VaultFault(404, "SecretNotFound")
        return found[0]

    def _readable(self, version: dict[str, Any]) -> Any:
        if not version["attributes"]["enabled"]:
            raise VaultFault(403, "Forbidden", "SecretDisabled")
        return version

    def _page(self, asked: Asked, items: list[Any]) -> Any:
        size = int(asked.query.get("maxresults", _PAGE))
        if size > _PAGE or not set(asked.query) <= {"api-version", "maxresults", "$skiptoken"}:
            raise VaultFault(400, "BadParameter")
        start = int(asked.query.get("$skiptoken", "0"))
        more = f"{self.url}{asked.path}?api-version=7.4&$skiptoken={start + size}&maxresults={size}"
        return {"value": items[start : start + size], "nextLink": more if start + size < len(items) else None}

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


def _item(version: dict[str, Any]) -> dict[str, Any]:
    """As a list has it: without the value, and a secret without its version."""
    return {name: said for name, said in version.items() if name != "value"}


def _checked(asked: Asked, model: type[Any]) -> dict[str, Any]:
    document = asked.document
    if not isinstance(document, dict) or not set(document) <= fields(model):
        raise VaultFault(400, "BadParameter")
    if not set(document.get("attributes", {})) <= fields(models.SecretAttributes):
        raise VaultFault(400, "BadParameter")
    for name, kind in (("value", str), ("contentType", str), ("tags", dict), ("attributes", dict)):
        if name in document and not isinstance(document[name], kind):
            raise VaultFault(400, "BadParameter")
    return document
