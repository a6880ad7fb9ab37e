"""Secrets are redacted in every form that a build may print, in time that does not depend on their values."""

import base64
import json
import re
import secrets
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard_buildkit import outbox
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.redaction import HIDDEN, Redactor, url_passwords


def lines(folder: Path) -> list[str]:
    return [line.line for line in outbox.read_log(folder).lines]


def make(folder: Path, *secrets: bytes) -> LogFile:
    return LogFile(folder / outbox.LOG, Redactor(secrets), now=lambda: 1.5)


@pytest.mark.parametrize(
    "shown",
    [
        "hunter2/+ü",
        quote("hunter2/+ü"),
        quote("hunter2/+ü", safe=""),
        base64.b64encode("hunter2/+ü".encode()).decode(),
        base64.urlsafe_b64encode("hunter2/+ü".encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_hidden_in_each_of_its_forms(shown: str, tmp_path: Path) -> None:
    make(tmp_path, "hunter2/+ü\n".encode()).write(f"before {shown} after")
    assert lines(tmp_path) == [f"before {HIDDEN} after"]


@pytest.mark.parametrize("name", ["", "a", "ab", "abc", "user"])
def test_a_secret_inside_of_base64_is_hidden(name: str, tmp_path: Path) -> None:
    """`curl -v` prints the Authorization header, which is base64 of name and password together."""
    value = "hunter2-s3cr3t"
    header = base64.b64encode(f"{name}:{value}".encode()).decode()
    make(tmp_path, value.encode()).write(f"> Authorization: Basic {header}")
    (line,) = lines(tmp_path)
    shown = line.removeprefix("> Authorization: Basic ")
    assert HIDDEN in shown
    left = [part for part in re.split(re.escape(HIDDEN), shown) if part]
    assert sum(len(part) for part in left) < len(name) * 4 / 3 + 8


ODD = 'it\'s\ta \x01"s3cr\\t"'


@pytest.mark.parametrize(
    "shown", [ODD, json.dumps(ODD, ensure_ascii=False), ODD.replace("'", "'\"'\"'")], ids=["itself", "json", "set -x"]
)
def test_a_secret_of_odd_characters_is_hidden(shown: str, tmp_path: Path) -> None:
    make(tmp_path, ODD.encode()).write(shown)
    assert "s3cr" not in lines(tmp_path)[0]


def test_each_line_of_a_secret_is_hidden(tmp_path: Path) -> None:
    make(tmp_path, b"-----BEGIN KEY-----\nAAAABBBB\nCCCCDDDD\n").write("x CCCCDDDD y")
    assert "CCCC" not in lines(tmp_path)[0]


def test_short_values_are_no_secrets(tmp_path: Path) -> None:
    make(tmp_path, b"abc", b"").write("abc")
    assert lines(tmp_path) == ["abc"]


def test_a_secret_inside_another_does_not_give_away_the_rest(tmp_path: Path) -> None:
    make(tmp_path, b"token", b"token-with-more").write("token-with-more")
    assert lines(tmp_path) == [HIDDEN]


def test_a_secret_behind_colour_codes_is_hidden(tmp_path: Path) -> None:
    make(tmp_path, b"hunter2").write("hun\x1b[1mter2")
    assert lines(tmp_path) == [HIDDEN]


@given(secret=st.text(min_size=4, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    hidden = Redactor([secret.encode("utf-8", "replace")])
    value = secret.encode("utf-8", "replace").decode()
    assert value in HIDDEN or value not in hidden(before + value + after)


def test_passwords_of_urls() -> None:
    urls = ("https://user:pa55word@index.example/simple", "https://t0ken@index.example", "https://plain.example", "")
    assert url_passwords(*urls) == [b"pa55word", b"t0ken"]


def forms(value: str) -> set[str]:
    """All forms of a secret value, and of each of its lines."""
    found = set()
    for part in {value, value.strip(), *(line.strip() for line in value.splitlines())}:
        raw = part.encode()
        found |= {part, quote(part, safe=""), quote(part), quote_plus(part), repr(part)[1:-1]}
        found |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}
        found |= {part.replace("'", "'\"'\"'"), part.replace("'", "'\\''")}
        found |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {form for form in found if len(form) >= 4}


SHORT = st.text(max_size=12)
VALUES = st.one_of(
    st.text(min_size=4, max_size=40),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), max_size=6).map("\n".join),
    st.binary(min_size=20, max_size=200).map(lambda data: base64.encodebytes(data).decode()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=3), SHORT, SHORT, st.data())
def test_every_form_is_hidden_wherever_it_stands(
    values: list[str], before: str, after: str, data: st.DataObject
) -> None:
    """Compares with a regular expression of all forms, the longest first."""
    known = sorted(set().union(*map(forms, values)), key=lambda form: (-len(form), form))
    if not known:
        return
    shown = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    text = before + after.join(shown) + after
    hidden = Redactor([value.encode() for value in values])(text)
    slow = re.sub("|".join(map(re.escape, known)), "\0", text)
    left = [part for part in hidden.split(HIDDEN) if part]
    assert all(part in slow or HIDDEN in text for part in left)
    assert all(form in HIDDEN or form not in hidden for form in shown)


@given(st.text(max_size=300), st.lists(st.text(min_size=4, max_size=60), max_size=3))
def test_nothing_else_is_hidden(text: str, values: list[str]) -> None:
    hidden = Redactor([value.encode() for value in values])(text)
    if not any(form in text for value in values for form in (*forms(value), *pieces(value))):
        assert hidden == text


def pieces(value: str) -> set[str]:
    """Further hidden text: 32 characters of a long form, and base64 of a longer text."""
    inside = {base64.b64encode(bytes(shift) + value.encode()).decode()[4:-4] for shift in range(3)}
    long = {form[at : at + 32] for form in forms(value) for at in range(0, len(form), 32)}
    return {piece for piece in (*inside, *long, *(form[-32:] for form in forms(value))) if len(piece) >= 4}


def test_base64_that_was_wrapped_is_hidden_line_by_line(tmp_path: Path) -> None:
    """base64(1) wraps at 76 letters, at any place in the secret."""
    key = secrets.token_bytes(600)
    log = make(tmp_path, key)
    for line in base64.encodebytes(key).decode().splitlines():
        log.write(line)
    assert all(len(shown.replace(HIDDEN, "")) < 64 for shown in lines(tmp_path))


KEYS = {
    "many short lines": "\n".join(secrets.token_hex(3) for _ in range(9_000)),
    "one line": secrets.token_urlsafe(48_000),
    "a key file": base64.encodebytes(secrets.token_bytes(48_000)).decode(),
    "lines that begin alike": "\n".join("aaaa" + "b" * (n % 28) + str(n) for n in range(3_000)),
    "one letter": "a" * 65_536,
}


@pytest.mark.parametrize("value", KEYS.values(), ids=KEYS)
def test_a_large_secret_costs_seconds_and_not_minutes(value: str) -> None:
    before = time.process_time()
    redact = Redactor([value.encode()])
    assert time.process_time() - before < 10
    before = time.process_time()
    for text in ("aaaa" + "b" * 28) * 2_000, secrets.token_hex(32_768), value.replace("\n", ""):
        redact(text)
    assert time.process_time() - before < 10
    for line in value.splitlines()[:50]:
        assert redact(f"x {line} y") == f"x {HIDDEN} y"
