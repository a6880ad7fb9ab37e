"""Links in a context are resolved as by BuildKit."""

import pytest

from boatyard.links import follow

LINKS = {
    "current": "releases/2",
    "releases/2": "../v2",
    "up": "../../outside",
    "absolute": "/etc/app",
    "round": "again",
    "again": "round",
}


@pytest.mark.parametrize(
    ("path", "end", "passed"),
    [
        ("a/b/c", "a/b/c", {"a", "a/b"}),
        ("./a//b/../c", "a/c", {"a", "a/b"}),
        ("current/file", "v2/file", {"current", "releases", "releases/2", "v2"}),
        ("up/file", "outside/file", {"up", "outside"}),
        ("a/absolute", "a/absolute", {"a"}),
        ("absolute", "etc/app", {"absolute", "etc"}),
        ("../../..", ".", set()),
        (".", ".", set()),
    ],
)
def test_a_path_leads_where_its_links_lead_and_never_out_of_the_context(path: str, end: str, passed: set[str]) -> None:
    way = follow(path, LINKS.get)
    assert (way.end, set(way.passed), way.endless) == (end, passed, False)


def test_links_in_a_circle_end() -> None:
    way = follow("round/x", LINKS.get)
    assert way.endless and way.end in ("round", "again")
