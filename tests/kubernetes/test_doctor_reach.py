"""The connections of a build's pod: to a buildkitd, and to the target registry."""

import msgspec
import pytest

from boatyard.finding import Level
from boatyard.settings import Settings
from tests.kubernetes.doctors import EXTERNAL, PLACE, client_secret, examine, managed
from tests.kubernetes.site import settings, site


@pytest.mark.parametrize(
    ("stage", "words", "advice"),
    [
        ("name", "its name is not known", "StatefulSet"),
        ("timeout", "does not answer", "network policies"),
        ("connect", "no connection", "listens"),
        ("server", "not trusted", "certificates"),
        ("client", "does not take the client's certificate", "certificates"),
        ("tls", "TLS fails", "--tlscacert"),
        ("closed", "hangs up", "clientCertificateSecret"),
        ("protocol", "something else answers", "port"),
    ],
)
def test_how_far_a_build_gets_to_its_buildkitd(stage: str, words: str, advice: str) -> None:
    with site() as (it, _):
        report = examine(it, EXTERNAL, place={**PLACE, "buildkitd": [{"stage": stage, "error": "so it is"}]})
        seen = report["buildkitd"]
        assert seen.status is Level.FAIL and words in seen.detail and "elsewhere:1234" in seen.detail
        assert advice in seen.advice and report.chosen.status is Level.FAIL
        assert report.works == ["daemonless"] and "daemonless will work" in report.advice


def test_every_replica_is_reached_and_its_certificate_looked_at() -> None:
    chosen = managed(replicas=2)
    with site(chosen) as (it, _):
        it.cluster.namespace("boatyard-buildkit", accounts=("buildkitd",))
        missing = examine(it, chosen, place={**PLACE, "buildkitd": [{"stage": "", "error": ""}] * 2})
        assert "has no Secret boatyard-buildkit-client" in missing["buildkitd"].detail
        it.cluster.apply(*client_secret(chosen))
        good = {"stage": "", "error": "", "expires": "Jan  1 00:00:00 2999 GMT"}
        well = examine(it, chosen, place={**PLACE, "buildkitd": [good, good]})["buildkitd"]
        assert well.status is Level.OK and "buildkitd-1.buildkitd.boatyard-buildkit.svc:1234" in well.detail
        ends = {**good, "expires": "Jan  1 00:00:00 2020 GMT"}
        soon = examine(it, chosen, place={**PLACE, "buildkitd": [good, ends]})["buildkitd"]
        assert soon.status is Level.WARN and "its certificate ends in 0 days" in soon.detail
        bad = {"stage": "connect", "error": "Connection refused"}
        half = examine(it, chosen, place={**PLACE, "buildkitd": [good, bad]})["buildkitd"]
        assert half.status is Level.FAIL and "buildkitd-1." in half.detail and "1 of 2" in half.detail


@pytest.mark.parametrize("uri", ["unix:///run/buildkit.sock", "tcp://host", "tcp://host:x", "docker-container://b"])
def test_a_buildkitd_that_no_pod_can_reach_is_named(uri: str) -> None:
    with site() as (it, _):
        seen = examine(it, msgspec.structs.replace(settings(), buildkit_uri=uri))["buildkitd"]
        assert seen.status is Level.FAIL and uri in seen.detail and "tcp://host:port" in seen.advice


@pytest.mark.parametrize("denied", ["", "r.test/images", "r.test/cache"])
def test_pushes_are_tried_the_way_builds_push(denied: str) -> None:
    chosen = msgspec.convert(
        {
            "defaultRepository": "r.test/images",
            "cache": {"repository": "r.test/cache"},
            "buildkit": {"enabled": False},
            "kubernetes": {"builderImage": "registry.test/builder:1"},
        },
        Settings,
    )
    with site(chosen) as (it, _):
        report = examine(it, push=True, denied=denied)
        images = report["registry push"]
        if denied == "r.test/images":
            assert images.status is Level.FAIL and "PUSH_DENIED" in images.detail and "Grant" in images.advice
            assert report.chosen.status is Level.FAIL and "cache push" not in report.findings
            return
        assert images.status is Level.OK and report.chosen.detail == "an image was built and pushed with it"
        cache = report["cache push"]
        assert cache.status == ("warn" if denied else "ok") and ("are slower" in cache.detail) is bool(denied)
        assert report.chosen.status is Level.OK, "a cache that cannot be written fails no build"


def test_nothing_is_pushed_where_builds_cannot_start() -> None:
    chosen = msgspec.structs.replace(settings(), default_repository="r.test/images")
    with site(chosen) as (it, _):
        report = examine(it, push=True, place={**PLACE, "missing": ["buildctl"]})
        assert report["registry push"].status is Level.UNKNOWN and "not tried" in report["registry push"].detail
        assert "no defaultRepository" in examine(it, settings(), push=True)["registry push"].detail
