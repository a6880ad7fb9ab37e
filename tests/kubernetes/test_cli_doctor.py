"""`boatyard doctor --cluster`, from the command line to the cluster and back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from boatyard.settings import Settings
from tests.client.commands import boatyard
from tests.kubernetes.doctors import NODE, PLACE, Pods, label_namespace
from tests.kubernetes.loopback.cluster import ADMIN_TOKEN
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.site import NAMESPACE, Site, settings
from tests.kubernetes.test_doctor_inside import daemon
from tests.kubernetes.whole import Whole, real_settings
from tests.local.jobs import until

IMAGE = "registry.test/builder:1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without this machine's configuration."""
    for name in ("BOATYARD_URL", "BOATYARD_DEBUG", "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def it() -> Iterator[Site]:
    made = Site(clock=_Clock())
    yield made
    made.close()


class _Clock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def configure(it: Site, chosen: Settings, namespace: str = NAMESPACE) -> None:
    """Creates the ConfigMap as Terraform does."""
    metadata = {"name": "build-image-config", "namespace": namespace}
    data = {"settings.json": msgspec.json.encode(chosen).decode()}
    it.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def config(it: Site, folder: Path, token: str = ADMIN_TOKEN) -> Path:
    return it.cluster.kubeconfig_file(folder / "kubeconfig", token)


def run_pods(it: Site, folder: Path, bin_: Path) -> ProcessKubelet:
    """Runs pods as processes. This machine has no buildctl, which the builder image has; a file replaces it."""
    bin_.mkdir()
    (bin_ / "buildctl").write_text("#!/bin/sh\n")
    (bin_ / "buildctl").chmod(0o755)
    return ProcessKubelet(it.cluster, folder / "pods", images={IMAGE}, programs={"python": [sys.executable]})


def test_the_whole_way_with_pods_that_look_for_real(
    it: Site, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    kubelet = run_pods(it, tmp_path, tmp_path / "bin")
    try:
        with daemon(None) as port:
            configure(it, msgspec.structs.replace(settings(), buildkit_uri=f"tcp://localhost:{port}"))
            done = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder), "--wait", "60")
        lines = done.out.splitlines()
        assert done.code == 0, done.out
        assert f"✓ cluster               {it.cluster.server.url} knows you as admin" in lines
        assert f"✓ settings              the ConfigMap {NAMESPACE}/build-image-config: external BuildKit" in lines
        assert f"✓ buildkitd             localhost:{port}: answers" in lines
        assert any(line.startswith("✓ builder image         registry.test/builder:1 runs (Python 3.") for line in lines)
        assert "a pod like a build's: " in done.err, "slow steps are reported meanwhile"
        assert "✓ Builds will work. Topologies that will: daemonless, external." in lines
        gone = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder), "--json")
        answer = gone.json()
        assert gone.code == 1 and not answer["ok"] and not gone.err
        buildkitd = next(check for check in answer["checks"] if check["check"] == "buildkitd")
        assert buildkitd["status"] == "fail" and "Connection refused" in buildkitd["detail"]
        chosen = next(topology for topology in answer["topologies"] if topology["chosen"])
        assert (chosen["topology"], chosen["status"]) == ("external", "fail") and answer["advice"]
        assert answer["namespace"] == NAMESPACE and answer["user"] == "admin" and answer["context"] == "loopback"
    finally:
        kubelet.close()
    assert not it.cluster.objects("Job")


def test_an_image_that_cannot_be_pulled_is_told_at_once(it: Site, folder: Path, tmp_path: Path) -> None:
    kubelet = ProcessKubelet(it.cluster, tmp_path / "pods", images=set(), programs={})
    configure(it, settings())
    try:
        done = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder))
    finally:
        kubelet.close()
    assert done.code == 1 and f"✗ builder image         the image {IMAGE} cannot be pulled" in done.out
    assert "kubernetes.imagePullSecrets" in done.out and "Builds will not work" in done.out
    assert not it.cluster.objects("Job")


def test_what_the_topology_needs_is_said_first(it: Site, folder: Path) -> None:
    label_namespace(it, "restricted")
    configure(it, settings())
    done = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder), "--wait", "1")
    assert done.code == 1 and "✗ admission" in done.out and "✗ daemonless (chosen)" in done.out
    assert f"  First: Label {NAMESPACE} pod-security.kubernetes.io/enforce=privileged" in done.out


@pytest.mark.parametrize("stage", ["probe", "push"])
def test_ctrl_c_leaves_nothing_in_the_cluster(stage: str, it: Site, folder: Path) -> None:
    configure(it, msgspec.structs.replace(settings(), default_repository="r.test/images"))
    pods = Pods(it, NODE, PLACE, "", "")
    command = [sys.executable, "-m", "boatyard_client", "doctor", "--cluster", "--kubeconfig", config(it, folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def reached() -> bool:
        jobs = [job["metadata"]["name"] for job in it.cluster.objects("Job")]
        if stage == "probe":
            return len(jobs) == 2
        if any(job.startswith("boatyard-doctor") for job in jobs):
            pods.play()
            return False
        return len(jobs) == 1 and not it.cluster.objects("Job")[0]["spec"]["suspend"]

    try:
        until(reached, seconds=60, pause=0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err and "is deleted" in err
    assert not it.cluster.objects("Job") and not it.cluster.objects("Pod")
    assert not [s for s in it.cluster.objects("Secret") if s["metadata"]["name"].startswith("boatyard-")], "nor a plan"
    assert "Builds will" not in out


def test_without_the_distribution_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boatyard_client.doctor.cluster.entry_points", lambda **_: [])
    done = boatyard("doctor", "--cluster")
    assert (done.code, done.out) == (1, "")
    assert "pip install boatyard-kubernetes" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--context", "x"], "--context needs --cluster"),
        (["--no-push"], "--push needs --cluster"),
        (["--wait", "9"], "--wait needs --cluster"),
        (["--cluster", "--url", "http://x"], "--url does not go with --cluster"),
        (["--cluster", "--wait", "0"], "--wait"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments: list[str], words: str) -> None:
    done = boatyard("doctor", *arguments)
    assert done.code == 2 and words in done.err and done.err.count("\n") == 1


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda c: None, ["--kubeconfig", "nowhere"], "there is no kubeconfig nowhere"),
        (lambda c: None, ["--context", "other"], "there is no context other. It has: loopback."),
        (lambda c: c.update({"current-context": ""}), [], "has no current context. It has: loopback."),
        (lambda c: c.update(clusters=[]), [], "the context loopback names 'loopback', which is not there"),
        (lambda c: c.update(contexts="s3cr3t"), [], "is not a kubeconfig"),
        (lambda c: c["users"][0].update(user={"token": "s3cr3t"}), [], "does not know the caller"),
        (lambda c: c["contexts"][0]["context"].pop("user"), [], "does not know the caller"),
        (lambda c: c["clusters"][0]["cluster"].update(server="http://127.0.0.1:9"), [], "cannot be reached"),
        (
            lambda c: c["users"][0].update(
                user={"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "no-such-plugin"}}
            ),
            [],
            "credentials cannot be made: [Errno 2] No such file or directory: 'no-such-plugin'",
        ),
    ],
)
def test_a_cluster_that_cannot_be_asked_is_one_line(
    change: Change, options: list[str], words: str, it: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(it, folder)
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", f"{folder / 'none'}:{path}")
    done = boatyard("doctor", "--cluster", *options)
    assert (done.code, done.out) == (1, ""), done
    assert words in done.err and done.err.count("\n") == 1 and "s3cr3t" not in done.err, done.err
    problem = boatyard("doctor", "--cluster", "--json", *options).json()["error"]
    assert problem["code"] == "CLUSTER" and problem["advice"] and "s3cr3t" not in str(problem)


def test_without_any_kubeconfig_it_says_where_it_looked() -> None:
    done = boatyard("doctor", "--cluster")
    assert done.code == 1 and "there is no kubeconfig" in done.err and "--kubeconfig FILE" in done.err


def test_a_context_is_found_in_any_of_kubeconfigs_files(
    it: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"apiVersion": "v1", "kind": "Config", "current-context": "loopback"}
    (folder / "first").write_text(yaml.safe_dump({**other, "clusters": [], "users": [], "contexts": []}))
    monkeypatch.setenv("KUBECONFIG", f"{folder / 'first'}:{config(it, folder)}")
    done = boatyard("doctor", "--cluster")
    assert "which settings builds go by is not known" in done.err and "--settings FILE" in done.err


def test_settings_come_from_where_builds_of_the_scope_run(it: Site, folder: Path) -> None:
    it.cluster.namespace("runs-shop")
    configure(it, settings(namespaceTemplate="runs-{project}"), "runs-shop")
    options = ["doctor", "--cluster", "--kubeconfig", config(it, folder), "--wait", "1", "--no-push", "--json"]
    found = boatyard(*options, "--project", "shop").json()
    assert (found["namespace"], found["settings"]) == ("runs-shop", "the ConfigMap runs-shop/build-image-config")
    other = boatyard(*options, "--project", "other").json()["error"]
    assert "there is no ConfigMap build-image-config in other-development" in other["detail"]
    (folder / "boatyard.toml").write_text('buildkitUri = "tcp://b:1"\n[client]\nproject = "other"\n')
    mine = boatyard(*options).json()
    assert "the project's boatyard.toml, as there is no ConfigMap" in mine["settings"]
    assert mine["namespace"] == "other-development" and mine["topologies"][2]["chosen"]
    (folder / "named.toml").write_text('[kubernetes]\nnamespaceTemplate = "runs-shop"\n')
    named = boatyard(*options, "--settings", folder / "named.toml").json()
    assert (named["namespace"], named["settings"]) == ("runs-shop", "the file that was named")


def test_settings_that_cannot_be_read_are_named(it: Site, folder: Path) -> None:
    metadata = {"name": "build-image-config", "namespace": NAMESPACE}
    data = {"settings.json": '{"buildkitURI": ""}'}
    it.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    done = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder))
    assert done.code == 1 and "default-development/build-image-config" in done.err and "buildkitURI" in done.err


def test_somebody_with_few_rights_learns_what_is_missing(it: Site, folder: Path) -> None:
    it.cluster.users["few"] = User("few")
    (folder / "s.toml").write_text(f'[kubernetes]\nbuilderImage = "{IMAGE}"\nnamespaces = ["{NAMESPACE}"]\n')
    kubeconfig = config(it, folder, "few")
    done = boatyard("doctor", "--cluster", "--kubeconfig", kubeconfig, "--settings", folder / "s.toml")
    assert done.code == 1 and "✗ rbac                  few may not create, delete, list, patch jobs.batch" in done.out
    assert "? admission" in done.out and "Traceback" not in done.err
    silent = boatyard("doctor", "--cluster", "--kubeconfig", kubeconfig)
    assert silent.code == 1 and "you may not get configmaps" in silent.err and "configmaps" in silent.err


def test_the_function_can_be_named(it: Site, folder: Path) -> None:
    configure(it, settings())
    options = ["doctor", "--cluster", "--kubeconfig", config(it, folder), "--wait", "1", "--no-push", "--json"]
    checks = boatyard(*options, "--as", "jane", "--as-group", "builders").json()["checks"]
    rbac = next(check for check in checks if check["check"] == "rbac")
    assert rbac["status"] == "fail" and rbac["detail"].startswith("jane may not create, delete, list, patch jobs.batch")


@pytest.mark.integration
def test_a_tiny_image_is_built_and_pushed_for_real(folder: Path, tmp_path: Path) -> None:
    chosen = real_settings()
    cache = msgspec.structs.replace(chosen.cache, repository=f"{chosen.default_repository}/cache")
    chosen = msgspec.structs.replace(chosen, cache=cache)
    whole = Whole(tmp_path / "pods", chosen)
    try:
        configure(whole.site, chosen)
        kubeconfig = config(whole.site, folder)
        done = boatyard("doctor", "--cluster", "--kubeconfig", kubeconfig, "--json")
        answer = done.json()
        status = {check["check"]: check["status"] for check in answer["checks"]}
        assert done.code == 0 and answer["ok"], answer
        assert (status["registry push"], status["cache push"]) == ("ok", "ok")
        pushed = next(check["detail"] for check in answer["checks"] if check["check"] == "registry push")
        status_code, image = whole.ask("GET", f"/v1/images/{pushed.removeprefix('pushed ')}")
        assert status_code == 200 and image["digest"].startswith("sha256:")
        assert not whole.site.cluster.objects("Job")
    finally:
        whole.close()


def test_the_answer_is_one_line_of_json_even_in_the_face_of_errors(it: Site, folder: Path) -> None:
    configure(it, msgspec.structs.replace(settings(), enabled=False))
    done = boatyard("doctor", "--cluster", "--kubeconfig", config(it, folder), "--wait", "1", "--json")
    answer = json.loads(done.out)
    assert done.out.count("\n") == 1 and done.err == ""
    assert answer["checks"][1] == {
        "check": "settings",
        "status": "fail",
        "detail": f"the ConfigMap {NAMESPACE}/build-image-config: enabled is false",
        "advice": "Set enabled: true.",
    }
