"""The archive of a CodeBuild build is complete, for every default Python of CodeBuild's images."""

import json
import sys
import zipfile
from pathlib import Path

from boatyard_aws.credential import HELPER
from tests.aws.cloud import Cloud
from tests.aws.container import Container
from tests.aws.images import HOST

IMPORT_ALL = """
import importlib, pathlib, sys
import boatyard_aws.build_step, boatyard_aws.credential
for package in ("boatyard", "boatyard_buildkit", "boatyard_registry", "boatyard_serverless/builds"):
    paths = sorted(pathlib.Path(package).rglob("*.py"))
    assert paths, package
    for path in paths:
        if path.name != "__main__.py":
            importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
outside = [m.__file__ for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", None) or "")]
print(len(sys.modules), outside)
"""
HELP = """
import subprocess, sys
from pathlib import Path
from boatyard_aws.credential import HELPER
from boatyard_serverless.credential_helper import with_helper
environment = with_helper(HELPER, "boatyard_aws.credential", Path(sys.argv[1]))
sys.exit(subprocess.run(sys.argv[2:], env=environment, cwd="/").returncode)
"""


def test_it_is_small_and_fits_every_platform(job_archive: Path) -> None:
    with zipfile.ZipFile(job_archive) as archive:
        infos = archive.infolist()
    names = {info.filename for info in infos}
    assert sum(info.file_size for info in infos) < 20_000_000
    for python in ("311", "312", "313", "314"):
        for machine in ("x86_64", "aarch64"):
            assert f"msgspec/_core.cpython-{python}-{machine}-linux-gnu.so" in names
            module = f"backports/zstd/_zstd.cpython-{python}-{machine}-linux-gnu.so"
            assert (module in names) == (python != "314"), "Python has its own from 3.14 on"
    tops = {name.partition("/")[0] for name in names}
    assert tops >= {"boatyard", "boatyard_aws", "boatyard_buildkit", "boatyard_registry", "boto3"}
    assert tops.isdisjoint({"bin", "boatyard_kubernetes", "boatyard_local", "boatyard_client", "flyteidl2"})
    services = {name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 2}
    assert services == {"ecr", "s3", "secretsmanager", "sts"}, "a job speaks to no other"
    assert not [name for name in names if name.startswith("boto3/data/") and name.count("/") > 2], "no resources"


def test_a_bare_python_imports_all_that_a_job_needs(container: Container) -> None:
    done = container.call(["python3", "-c", IMPORT_ALL], {})
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" []\n"), "nothing comes from anywhere else"
    told = container.call(["python3", "-m", "boatyard_buildkit", "--help"], {})
    assert "--termination-log" in told.stdout, told.stderr


def test_the_credential_helper_is_a_program_there(container: Container, cloud: Cloud, tmp_path: Path) -> None:
    """Docker starts it from any folder. It works with any file mode in the archive."""

    def ask(verb: str, server: str = "") -> tuple[int, str]:
        folder = tmp_path / f"it's {verb} {server}"
        command = ["python3", "-c", HELP, str(folder), HELPER, verb]
        done = container.call(command, {}, input=server)
        return done.returncode, done.stdout

    assert ask("list") == (0, "{}")
    code, answer = ask("get", HOST)
    assert code == 0 and json.loads(answer)["Username"] == "AWS"
    code, answer = ask("get", "ghcr.io")
    assert code == 1 and "credentials not found" in answer


def test_the_python_is_bare(container: Container) -> None:
    """Without this, the tests above would prove nothing."""
    done = container.call(["python3", "-c", "import msgspec, sys; print(msgspec.__file__)"], {})
    assert done.stdout.strip() == str(container.source / "msgspec" / "__init__.py")
    assert container.call(["python3", "-P", "-c", "import msgspec"], {}).returncode == 1
    assert sys.prefix not in done.stdout
