"""Request -> Job -> pod -> registry in a namespace that admits restricted pods only, where there is no BuildKit."""

import secrets
from pathlib import Path

import msgspec
import pytest

from boatyard.build import State
from tests.kubernetes.doctors import label_namespace
from tests.kubernetes.whole import Whole, real_settings

pytestmark = pytest.mark.integration


def test_an_image_of_packages_is_made_by_a_restricted_pod_without_any_buildkit(tmp_path: Path) -> None:
    settings = real_settings()
    none = msgspec.structs.replace(settings.buildkit, enabled=False, driver="buildctl")
    settings = msgspec.structs.replace(settings, layers="registry", buildkit=none)
    base = next(rule.image for rule in settings.base_images if "flyteorg/flyte" in rule.match)
    new = secrets.token_hex(8)
    whole = Whole(tmp_path, settings)
    try:
        label_namespace(whole.site, "restricted")
        layers = [{"pipPackages": {"packages": ["six==1.17.0"]}}, {"env": {"envVariables": {"NEW": new}}}]
        spec = {"baseImage": base, "pythonVersion": "3.11", "layers": layers}
        status, asked = whole.ask("POST", "/v1/builds", {"spec": spec, "target": {"name": "restricted"}})
        assert status == 202, asked
        build = whole.end(asked["id"])
        assert build["state"] == State.SUCCEEDED, (build, whole.log(asked["id"]))
        (pod,) = whole.site.cluster.objects("Pod")
        assert "initContainers" not in pod["spec"]
        assert any("six" in line and "made from wheels" in line for line in whole.log(asked["id"]))
    finally:
        whole.close()
