"""The function's configuration out of BOATYARD_… variables: what is alike on every cloud.

BOATYARD_SETTINGS     boatyard.settings: the JSON itself, a path (a mounted ConfigMap), or an object's URL
BOATYARD_<SETTING>    one value of it (boatyard.settings_variables), on top
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from boatyard.decoding import Undecodable, convert, decode_json
from boatyard.errors import invalid
from boatyard.settings import Settings
from boatyard.settings_variables import with_variables

T = TypeVar("T")
SETTINGS: Final = "BOATYARD_SETTINGS"


def settings_of(variables: Mapping[str, str], *, scheme: str, fetch: Callable[[str], bytes | None]) -> Settings:
    """`fetch` reads a URL that begins with `scheme` (`s3://`); None if there is no such object. Raises INVALID_SPEC."""
    return with_variables(_document(variables.get(SETTINGS, ""), scheme, fetch), variables)


def convert_variables(variables: Mapping[str, str], names: Mapping[str, str], settings: Settings, kind: type[T]) -> T:
    """The configuration `kind`; `names` maps variables to its fields. Raises INVALID_SPEC that names the variable."""
    given = {name: field for name, field in names.items() if variables.get(name, "").strip()}
    values: dict[str, Any] = {field: variables[name] for name, field in given.items()}
    try:
        return convert({**values, "settings": settings}, kind, strict=False)
    except Undecodable as error:
        raise invalid(f"the function's variables: {_in_words(str(error), names)}") from None


def _document(given: str, scheme: str, fetch: Callable[[str], bytes | None]) -> dict[str, Any]:
    if not given.strip():
        return {}
    text: bytes | str = given
    try:
        if given.startswith(scheme):
            found = fetch(given)
            if found is None:
                raise invalid(f"{SETTINGS}: there is no {given}")
            text = found
        elif not given.lstrip().startswith("{"):
            text = Path(given).read_bytes()
        return decode_json(text, dict[str, Any])
    except OSError as error:
        raise invalid(f"{SETTINGS}: {given} cannot be read: {error.strerror}") from None
    except Undecodable as error:
        raise invalid(f"{SETTINGS}: {error}") from None


def _in_words(error: str, names: Mapping[str, str]) -> str:
    for name, field in names.items():
        error = error.replace(f"`{field}`", name).replace(f"at {field}", f"at {name}")
    return error
