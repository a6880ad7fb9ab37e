"""The policy as patterns is equivalent to the policy as a predicate."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.errors import BoatyardError
from boatyard.policy import allow, narrow, visible
from boatyard.ports import BuildQuery, Scope
from boatyard.settings import Access, Caller

_patterns = st.lists(st.sampled_from(["a/*", "*/x", "a/x", "b/y", "*", "[ab]/x"]), max_size=2).map(tuple)
_caller = st.builds(lambda match, projects: Caller(match=match, projects=projects), st.sampled_from("mn*"), _patterns)
_callers = st.lists(_caller, max_size=3).map(tuple)


@given(_patterns, _callers, st.sampled_from("mno"), st.sampled_from("abc"), st.sampled_from("xyz"))
def test_what_is_listed_is_what_is_allowed(
    projects: tuple[str, ...], callers: tuple[Caller, ...], caller: str, project: str, domain: str
) -> None:
    access = Access(projects=projects, callers=callers)
    try:
        access = narrow(access, caller)
    except BoatyardError:
        return
    try:
        allow(access, Scope(project, domain))
        allowed = True
    except BoatyardError:
        allowed = False
    assert BuildQuery(visible=visible(access)).sees(project, domain) is allowed


@pytest.mark.parametrize("access", [Access(), Access(callers=(Caller(match="*"),))])
def test_who_may_see_all_is_not_filtered(access: Access) -> None:
    assert visible(access) == ()
    assert msgspec.structs.replace(BuildQuery(), visible=visible(access)) == BuildQuery()
