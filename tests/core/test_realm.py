"""Projects are separated by values that only the service can compute."""

import re
from itertools import combinations
from typing import Any

import msgspec
import pytest

from boatyard import canonical
from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.plan import Plan, make_plan
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.realm import UNKNOWN, Realm, realm_of
from boatyard.settings import BaseImageRule, Buildkit, Output
from boatyard.spec import parse_spec
from tests.core.orders import SETTINGS, apt, commands, order, pip, planned

TOGETHER = msgspec.structs.replace(SETTINGS, isolation="deployment")
SCOPES = [Scope("shop", "production"), Scope("shop", "development"), Scope("bank", "production")]
SECRET = {"commands": {"cmd": ["cat /run/boatyard/secrets/TOKEN"], "secretMounts": [{"key": "TOKEN"}]}}
KEY = bytes(range(32))


def _for(scope: Scope, *layers: dict[str, Any], **changes: Any) -> Order:
    return msgspec.structs.replace(order(*layers), scope=scope, **changes)


def _keys(plan: Plan) -> set[str]:
    return {plan.keys.image, plan.keys.base, *plan.keys.layers}


def _values(realm: Realm) -> dict[str, str]:
    return {name: value for name in realm.__struct_fields__ if (value := getattr(realm, name))}


def test_no_two_values_are_alike_and_none_is_part_of_another() -> None:
    """A reader of one value, such as in an image's provenance, learns nothing about the others."""
    values = [value for scope in SCOPES for value in _values(realm_of(scope, "project", KEY)).values()]
    assert len(values) == len(set(values)) == 3 * 6
    digits = [re.findall("[0-9a-f]{32}", value)[0] for value in values]
    assert all(one not in other for one, other in combinations(digits, 2))


def test_a_scope_is_not_confused_with_another_of_the_same_letters() -> None:
    one, other = (realm_of(Scope(*names), "project", KEY) for names in (("a", "bc"), ("ab", "c")))
    assert not set(_values(one).values()) & set(_values(other).values())


def test_another_deployments_key_makes_everything_another() -> None:
    one, other = (realm_of(SCOPES[0], "project", bytes([number]) * 32) for number in (1, 2))
    assert not set(_values(one).values()) & set(_values(other).values())


def test_nothing_of_it_can_be_computed_from_what_is_public() -> None:
    """The ids of cache mounts could once be computed: they were the sha256 of project and domain."""
    scope = SCOPES[0]
    public = canonical.digest(("cache", scope.project, scope.domain))[:32]
    made = planned(_for(scope, pip("six"), SECRET))
    everything = made.dockerfile + repr(made.build_args) + repr(made.realm)
    assert public not in everything


def test_one_spec_of_two_projects_shares_no_key_and_no_target() -> None:
    plans = [planned(_for(scope, apt("git"), pip("six"))) for scope in SCOPES]
    for one, other in combinations(plans, 2):
        assert not {one.keys.image, one.keys.base, *one.keys.layers} & {
            other.keys.image,
            other.keys.base,
            *other.keys.layers,
        }
        assert one.target.tag != other.target.tag
    assert planned(_for(SCOPES[0], apt("git"), pip("six"))) == plans[0]


@pytest.mark.parametrize("dockerfile", ["", "FROM debian\nRUN --mount=type=cache,target=/c true\n"])
def test_cache_mounts_of_two_projects_have_no_id_in_common(dockerfile: str) -> None:
    def order_(scope: Scope) -> Order:
        made = _for(scope, pip("six"))
        return msgspec.structs.replace(made, spec=parse_spec({"dockerfile": dockerfile})) if dockerfile else made

    namespaces = [planned(order_(scope)).build_args["BUILDKIT_CACHE_MOUNT_NS"] for scope in SCOPES]
    assert len(set(namespaces)) == 3
    # BuildKit joins namespace and id by a slash: none without one can begin like another.
    assert all(re.fullmatch("[0-9a-f]{32}", namespace) for namespace in namespaces)


def test_a_jobs_steps_and_files_are_marked_by_its_realm() -> None:
    jobs = [
        make_job((o := _for(scope, pip("six"))), planned(o), SETTINGS, attempt=1, context_url="") for scope in SCOPES
    ]
    assert len({job.realm.steps for job in jobs}) == len({job.realm.files for job in jobs}) == 3


def test_secret_ids_are_the_projects_in_either_isolation() -> None:
    for settings in (SETTINGS, TOGETHER):
        ids = set()
        for scope in SCOPES:
            made = _for(scope, SECRET)
            job = make_job(made, planned(made, settings), settings, attempt=1, context_url="")
            (secret,) = job.secrets
            assert f"id={secret.id}," in job.dockerfile
            ids.add(secret.id)
        assert len(ids) == 3


def test_projects_that_trust_each_other_share_everything_else() -> None:
    plans = [planned(_for(scope, apt("git"), pip("six")), TOGETHER) for scope in SCOPES]
    assert len({plan.keys.image for plan in plans}) == len({str(plan.target) for plan in plans}) == 1
    assert len({plan.dockerfile for plan in plans}) == 1
    realms = [msgspec.structs.replace(plan.realm, secret="") for plan in plans]
    assert realms[0] == realms[1] == realms[2]
    with_secret = {planned(_for(scope, SECRET), TOGETHER).keys.image for scope in SCOPES}
    assert len(with_secret) == 3, "a secret's name means another value in another project"


def test_a_trusting_deployments_keys_are_those_of_a_plan_made_anywhere() -> None:
    made = _for(SCOPES[0], pip("six"))
    assert planned(made, TOGETHER).keys == make_plan(made, TOGETHER, UNKNOWN).keys
    assert planned(made).keys != make_plan(made, SETTINGS, UNKNOWN).keys


@pytest.mark.parametrize("settings", [SETTINGS, TOGETHER])
def test_what_pulled_the_base_counts(settings: Any) -> None:
    """Neither another project nor a request with another secret, or without one, gets an image that a secret pulled."""

    def made(scope: Scope, registry_secret: str) -> Plan:
        return planned(_for(scope, commands("true"), registry_secret=registry_secret), settings)

    plans = [made(SCOPES[0], ""), made(SCOPES[0], "ghcr"), made(SCOPES[0], "other"), made(SCOPES[2], "ghcr")]
    assert len({plan.keys.image for plan in plans}) == 4
    assert len({plan.build_tag for plan in plans}) == 4
    assert len({key for plan in plans for key in plan.keys.layers}) == 4


class TestProvenImages:
    """BuildKit provides a cached base to everyone who knows its digest, so the job asks the registry first."""

    DIGEST = "sha256:" + "a" * 64

    def proven(self, document: dict[str, Any], settings: Any = SETTINGS) -> tuple[str, ...]:
        made = Order(spec=parse_spec(document), scope=SCOPES[0])
        return make_job(made, planned(made, settings), settings, attempt=1, context_url="").proven_images

    def test_those_that_a_user_names_by_digest(self) -> None:
        private = f"registry.example.com/private/base@{self.DIGEST}"
        spec = {"baseImage": private, "pythonVersion": "3.12"}
        assert self.proven(spec) == (private,)
        assert self.proven({"baseImage": "python:3.12", "pythonVersion": "3.12"}) == (), "a tag is always asked for"
        text = f"ARG BASE={private}\nFROM $BASE AS one\nFROM debian\nCOPY --from=one /y /y\n"
        text += f"COPY --from=ghcr.io/a/b@{self.DIGEST} /x /x\n"
        assert set(self.proven({"dockerfile": text})) == {private, f"ghcr.io/a/b@{self.DIGEST}"}

    @pytest.mark.parametrize("step", ["COPY --from={} / /x", "RUN --mount=from={},target=/x ls /x"])
    def test_those_that_a_stage_names_for_the_stages_on_it(self, step: str) -> None:
        """ONBUILD runs in stages that are built on the image, so the images that it copies from are pulled as if named
        there."""
        private = f"registry.example.com/private/base@{self.DIGEST}"
        text = f"FROM scratch AS one\nONBUILD {step.format(private)}\n"
        assert self.proven({"dockerfile": f"{text}FROM one\n"}) == (private,)
        assert self.proven({"dockerfile": f"{text}FROM scratch\n"}) == (), "nobody builds on it"

    def test_not_those_that_the_deployment_names_for_everybody(self) -> None:
        rule = BaseImageRule(match="python:3.12", image=f"registry.example.com/base@{self.DIGEST}")
        ruled = msgspec.structs.replace(SETTINGS, base_images=(rule,))
        assert self.proven({"baseImage": "python:3.12", "pythonVersion": "3.12"}, ruled) == ()

    def test_not_where_projects_trust_each_other(self) -> None:
        assert self.proven({"dockerfile": f"FROM ghcr.io/a/b@{self.DIGEST}\n"}, TOGETHER) == ()


@pytest.mark.parametrize(
    ("isolation", "provenance", "frontend", "refused"),
    [
        ("project", "max", "evil.example.com/frontend:1", True),
        ("project", "max", "evil.example.com/docker/dockerfile:1", True),
        ("project", "max", "docker/dockerfile:1", False),
        ("project", "min", "evil.example.com/frontend:1", False),
        ("deployment", "max", "evil.example.com/frontend:1", False),
    ],
)
def test_a_frontend_of_ones_own_is_not_run_where_provenance_shows_the_names_of_others(
    isolation: Any, provenance: Any, frontend: str, refused: bool
) -> None:
    output, pulled = Output(provenance=provenance), Buildkit(dockerfile_frontend="image")
    settings = msgspec.structs.replace(SETTINGS, isolation=isolation, output=output, buildkit=pulled)
    made = Order(spec=parse_spec({"dockerfile": f"# syntax={frontend}\nFROM debian\n"}), scope=SCOPES[0])
    if not refused:
        assert planned(made, settings)
        return
    with pytest.raises(BoatyardError) as error:
        planned(made, settings)
    assert error.value.code == "UNSUPPORTED" and "provenance" in error.value.detail
