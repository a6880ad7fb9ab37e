from pathlib import Path

import pytest

from boatyard_local.engine import debian, packages
from boatyard_local.engine.debian import AptSource, Release

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEB822 = """\
Types: deb
# a comment between the fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://elsewhere.example/debian
Suites: bookworm
Components: main
"""


def machine(tmp_path: Path, sources: str = DEB822, name: str = "debian.sources", distribution: str = "debian") -> Path:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder / name).write_text(sources)
    (tmp_path / "etc/os-release").write_text(f'NAME="x"\nID={distribution}\nVERSION_CODENAME="bookworm"\n')
    return tmp_path


def test_reads_the_release_with_and_without_quotes() -> None:
    assert debian.release('ID=debian\nVERSION_CODENAME="bookworm"\n') == Release("debian", "bookworm")
    assert debian.release("garbage") == Release("", "")


def test_takes_the_archive_its_updates_and_its_security_fixes(tmp_path: Path) -> None:
    assert debian.this_sources("bookworm", machine(tmp_path)) == [
        AptSource("http://mirror.example/debian", "bookworm", ("main",), KEYRING),
        AptSource("http://mirror.example/debian", "bookworm-updates", ("main",), KEYRING),
        AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",), KEYRING),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example/debian/ bookworm main contrib  # comment",
        f"deb [arch=amd64 signed-by={KEYRING}] http://mirror.example/debian bookworm main",
    ],
)
def test_reads_the_one_line_format(tmp_path: Path, line: str) -> None:
    root = machine(tmp_path, f"# deb http://old.example/debian bookworm main\n{line}\n", "debian.list")
    assert debian.this_sources("bookworm", root) == [
        AptSource("http://mirror.example/debian", "bookworm", ("main",), KEYRING)
    ]


@pytest.mark.parametrize(
    "line",
    [
        "deb https://packages.example/apt cloud-sdk-bookworm main",
        "deb https://deb.example/node nodistro main",
        "deb http://mirror.example/debian bookworm-backports main",
        "deb http://mirror.example/debian bookworm non-free",
        "deb-src http://mirror.example/debian bookworm main",
        "deb cdrom:[Debian]/ bookworm main",
    ],
)
def test_leaves_other_archives_out(tmp_path: Path, line: str) -> None:
    assert debian.this_sources("bookworm", machine(tmp_path, line, "other.list")) == []


def test_reads_the_mirror_that_a_cloud_image_keeps_in_a_file(tmp_path: Path) -> None:
    root = machine(tmp_path, DEB822.replace("http://mirror.example/debian\n", "mirror+file:/etc/apt/mirrors/d.list\n"))
    (root / "etc/apt/mirrors").mkdir()
    (root / "etc/apt/mirrors/d.list").write_text("# comment\nhttps://cloud.example/debian\tpriority:1\n")
    archive = debian.archive(debian.this_sources("bookworm", root), "bookworm")
    assert archive is not None
    assert archive.uri == "https://cloud.example/debian"


def test_another_release_comes_from_the_same_mirror_with_the_same_key() -> None:
    source = AptSource("http://mirror.example/debian", "bookworm", ("main",), KEYRING)
    assert source.line("trixie") == f"deb [signed-by={KEYRING}] http://mirror.example/debian trixie main"


def test_packages_can_be_used_on_debian_by_root(tmp_path: Path) -> None:
    found = packages.this_debian(machine(tmp_path), user=0)
    assert isinstance(found, packages.Debian)
    assert found.archive.suite == "bookworm"


@pytest.mark.parametrize(
    ("distribution", "sources", "user", "why"),
    [
        ("ubuntu", DEB822, 0, "not Debian"),
        ("debian", DEB822, 1000, "only root"),
        ("debian", "", 0, "name no archive"),
    ],
)
def test_says_why_packages_cannot_be_used(tmp_path: Path, distribution: str, sources: str, user: int, why: str) -> None:
    answer = packages.this_debian(machine(tmp_path, sources, distribution=distribution), user=user)
    assert isinstance(answer, str)
    assert why in answer
