"""Azure Resource Manager on loopback, for registries, ACR Tasks and AKS.

Azure publishes its API's description in no package, but generates its clients' models from it: a field that the model
of a request does not know is refused, and so is an unknown path, API version or token.
"""

import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from tests.azure.entra import Entra
from tests.azure.tls import Asked, Given, TlsServer

SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/group"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/boatyardtest"
RESOURCE = "https://management.azure.com"
Answerer = Callable[[Asked, "re.Match[str]"], Given]


class _Route(NamedTuple):
    verb: str
    pattern: "re.Pattern[str]"
    version: str
    answer: Answerer


def refusal(status: int, code: str, message: str = "a sentence for people") -> Given:
    return Given(status, {"error": {"code": code, "message": message}})


class ResourceManager:
    def __init__(self, entra: Entra) -> None:
        self._entra = entra
        self._routes: list[_Route] = []
        self._lock = threading.RLock()
        self.asked: list[str] = []
        self.failures: list[tuple[str, Given, bool]] = []
        """(part of a path, answer, whether the request is carried out first), for the next requests to it."""
        self._server = TlsServer(self._answer)
        self.url = self._server.url

    def on(self, verb: str, pattern: str, version: str, answer: Answerer) -> None:
        self._routes.append(_Route(verb, re.compile(pattern + r"\Z", re.IGNORECASE), version, answer))

    def fail(self, part: str, given: Given, *, times: int = 1, done: bool = False) -> None:
        self.failures += [(part, given, done)] * times

    def count(self, part: str) -> int:
        return sum(part in each for each in self.asked)

    def _answer(self, asked: Asked) -> Given:
        with self._lock:
            self.asked.append(f"{asked.verb} {asked.path}")
            if self._entra.tokens.get(asked.token) != RESOURCE:
                return refusal(401, "InvalidAuthenticationToken")
            for number, (part, given, done) in enumerate(self.failures):
                if part in asked.path:
                    del self.failures[number]
                    if done:
                        self._routed(asked)
                    return given
            return self._routed(asked)

    def _routed(self, asked: Asked) -> Given:
        for route in self._routes:
            found = route.pattern.match(asked.path)
            if found and route.verb == asked.verb:
                if asked.query.get("api-version") != route.version:
                    return refusal(400, "InvalidApiVersionParameter")
                return route.answer(asked, found)
        return refusal(404, "ResourceNotFound")

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


def known_fields(model: type) -> set[str]:
    """The JSON names of a model that was generated from the published description."""
    made: Any = model()
    return {field._rest_name for field in made._attr_to_rest_field.values()}
