"""Words are expanded as by BuildKit's shell lexer (frontend/dockerfile/shell)."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.dockerfile.parse.words import Lexer, WordError

VARIABLES = {"X": "value", "EMPTY": "", "PATHS": "/usr/local/lib", "V": "3.11.4", "LINES": "a\nb", "LATER": "two words"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *(("plain", "plain"), ("$X", "value"), ("${X}", "value"), ("a$X-b", "avalue-b"), ("$NO", ""), ("${NO}", "")),
        *(("\\$X", "$X"), ("'$X'", "$X"), ('"$X"', "value"), ('"\\$X"', "$X"), ('"\\a"', "\\a"), ("\\a", "a")),
        *(("${NO:-d}", "d"), ("${NO-d}", "d"), ("${EMPTY:-d}", "d"), ("${EMPTY-d}", ""), ("${X:-d}", "value")),
        *(("${X:+a}", "a"), ("${EMPTY:+a}", ""), ("${EMPTY+a}", "a"), ("${NO+a}", ""), ("${X:?no}", "value")),
        *(("${NO:-${X}}", "value"), ("${NO:-'a}b'}", "a}b"), ('${NO:-"$X"}', "value"), ("${NO:-\\}}", "}")),
        *(("${PATHS#/}", "usr/local/lib"), ("${PATHS#*/}", "usr/local/lib"), ("${PATHS##*/}", "lib")),
        *(("${PATHS%/*}", "/usr/local"), ("${PATHS%%/*}", ""), ("${V%.*}", "3.11"), ("${V%%.*}", "3")),
        *(("${V#3.1?}", ".4"), ("${V%\\*}", "3.11.4"), ("${LINES#*b}", "a\nb")),
        *(
            ("${V/./-}", "3-11.4"),
            ("${V//./-}", "3-11-4"),
            ("${PATHS//\\//_}", "_usr_local_lib"),
            ("${V/x/y}", "3.11.4"),
        ),
        *(("$", "$"), ("a$", "a$"), ("$1", ""), ("$12a", "a"), ("$@", ""), ("${NO}$X", "value"), ("a\\", "a")),
        *(("<", "<"), ("<<EOF", "<<EOF"), ("é$X", "évalue")),
    ],
)
def test_a_word(word: str, expected: str) -> None:
    assert Lexer(VARIABLES).word(word) == expected


@pytest.mark.parametrize(
    "word",
    ["${", "${X", "${}", "${:X}", "${{X}}", "${X:}", "${X!y}", "${X:#y}", "'", '"', '"a\\', "${NO:?}", "${EMPTY:?why}"],
)
def test_what_is_no_word_is_refused(word: str) -> None:
    with pytest.raises(WordError):
        Lexer(VARIABLES).word(word)


def test_the_other_escape_character() -> None:
    assert Lexer(VARIABLES, escape="`").word("`$X\\$X") == "$X\\value"


def test_words_end_at_blanks_that_are_not_quoted() -> None:
    assert Lexer(VARIABLES).words("a 'b c' \"d $X\" $LATER e\\ f ") == ["a", "b c", "d value", "two", "words", "e f"]
    raw = Lexer({}, raw_quotes=True, raw_escapes=True, partly=True).words("cat << 'EOF' $X \"${Y:-z}\"")
    assert raw == ["cat", "<< 'EOF'", "$X", '"${Y:-z}"']


@given(st.text(alphabet="ab ${}:-+?#%/\\'\"<*X", max_size=30))
def test_nothing_unforeseen_comes_out(word: str) -> None:
    with contextlib.suppress(WordError):
        Lexer(VARIABLES).word(word)


@pytest.mark.parametrize(
    "word",
    ["${A#" + "*a" * 200 + "b}", "${A%" + "*a" * 200 + "b}", "${A//" + "*a" * 50 + "b/}", "${NO:-" * 90 + "}" * 90],
)
def test_no_word_takes_long(word: str) -> None:
    before = time.process_time()
    try:
        Lexer({"A": "a" * 20_000}).word(word)
    except WordError as error:
        assert "too long" in str(error)
    assert time.process_time() - before < 5


def test_what_grows_without_end_or_nests_without_end_is_refused() -> None:
    variables = {"A": "a" * 100_000}
    with pytest.raises(WordError, match="more than"):
        Lexer(variables).word("$A" * 20)
    with pytest.raises(WordError, match="too deeply"):
        Lexer({}).word("${A:-" * 5000)
