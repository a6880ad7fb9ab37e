"""The selection of the service, and its source."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard_client.endpoint import (
    ClientSettings,
    Endpoint,
    find_client_settings,
    find_endpoint,
    is_loopback,
    require_endpoint,
    trust,
)
from boatyard_client.errors import ConfigError
from tests.client.own_server import own_server
from tests.client.trees import make


@pytest.fixture
def everything(folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Every source names an address; the working directory is below the project."""
    make(
        folder,
        {
            "boatyard.toml": b'[client]\nurl = "http://project.example.com/"\nproject = "p"\n',
            "below": {"deep": {}},
        },
    )
    make(
        tmp_path / "home" / "boatyard",
        {"config.toml": b'[client]\nurl = "http://home.example.com"\nproject = "q"\ndomain = "d"\n'},
    )
    with own_server(folder, "http://127.0.0.1:1234"):
        yield {"XDG_CONFIG_HOME": str(tmp_path / "home"), "BOATYARD_URL": "https://env.example.com"}


def test_the_nearest_word_counts(everything: dict[str, str], folder: Path) -> None:
    deep = folder / "below" / "deep"
    assert find_endpoint("http://flag.example.com", environ=everything, folder=deep) == Endpoint(
        "http://flag.example.com", "--url", explicit=True
    )
    assert find_endpoint(environ=everything, folder=deep) == Endpoint("https://env.example.com", "BOATYARD_URL")
    del everything["BOATYARD_URL"]
    toml = folder / "boatyard.toml"
    trust("http://project.example.com", environ=everything)
    assert find_endpoint(environ=everything, folder=deep) == Endpoint("http://project.example.com", str(toml))
    toml.write_text("[client]\n")
    record = folder / ".boatyard" / "server.json"
    assert find_endpoint(environ=everything, folder=deep) == Endpoint("http://127.0.0.1:1234", str(record))
    record.unlink()
    found = find_endpoint(environ=everything, folder=deep)
    assert found and found.url == "http://home.example.com"
    assert find_endpoint(environ={"XDG_CONFIG_HOME": str(folder)}, folder=deep) is None


def somebody_elses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        made = list(found(path, **options))
        made[4] = os.geteuid() + 1 if path.name == name else made[4]
        return os.stat_result(made)

    monkeypatch.setattr(Path, "stat", stat)


def test_a_server_of_another_user_is_not_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a user who can write to a parent folder could receive our files."""
    make(folder, {"below": {}})
    home = {"XDG_CONFIG_HOME": str(folder / "nowhere")}
    with own_server(folder, "http://127.0.0.1:1234"):
        assert find_endpoint(environ=home, folder=folder / "below") is not None
        monkeypatch.setattr("boatyard_client.server_file.os.geteuid", lambda: os.getuid() + 1)
        assert find_endpoint(environ=home, folder=folder / "below") is None


def test_an_address_that_only_a_project_names_has_to_be_trusted(folder: Path, tmp_path: Path) -> None:
    """The folder may be a stranger's checkout, which must not choose where files and secrets go."""
    url = "https://boatyard.example.com"
    make(folder, {"boatyard.toml": f'[client]\nurl = "{url}/"\n'.encode()})
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    with pytest.raises(ConfigError, match="which you have not trusted yet") as refused:
        find_endpoint(environ=home, folder=folder)
    assert f"boatyard config trust {url}" in refused.value.advice
    assert find_endpoint(environ={**home, "BOATYARD_URL": url}, folder=folder) == Endpoint(url, "BOATYARD_URL")
    assert trust(f"{url}/", environ=home) == trust(url, environ=home) == url
    assert find_endpoint(environ=home, folder=folder) == Endpoint(url, str(folder / "boatyard.toml"))
    make(folder, {"boatyard.toml": b'[client]\nurl = "https://boatyard.example.com.evil.example"\n'})
    with pytest.raises(ConfigError, match="not trusted"):
        find_endpoint(environ=home, folder=folder)


def test_what_one_has_configured_oneself_is_trusted(folder: Path, tmp_path: Path) -> None:
    toml = b'[client]\nurl = "http://127.0.0.1:1234"\n'
    make(folder, {"boatyard.toml": toml})
    nowhere = {"XDG_CONFIG_HOME": str(folder / "nowhere")}
    with pytest.raises(ConfigError, match="not trusted"):
        find_endpoint(environ=nowhere, folder=folder)
    with own_server(folder, "http://127.0.0.1:1234"):
        assert find_endpoint(environ=nowhere, folder=folder) is not None
    make(tmp_path / "home" / "boatyard", {"config.toml": toml})
    assert find_endpoint(environ={"XDG_CONFIG_HOME": str(tmp_path / "home")}, folder=folder) is not None


def test_another_users_project_file_counts_only_where_one_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout may belong to a colleague; a file in /tmp may belong to anybody."""
    make(folder, {"boatyard.toml": b'[client]\nurl = "http://127.0.0.1:1234"\n', "below": {}})
    home = {"XDG_CONFIG_HOME": str(folder / "nowhere")}
    trust("http://127.0.0.1:1234", environ=home)
    assert find_endpoint(environ=home, folder=folder / "below") is not None
    somebody_elses(monkeypatch, "boatyard.toml")
    assert find_endpoint(environ=home, folder=folder / "below") is None
    assert find_endpoint(environ=home, folder=folder) is not None


def test_without_any_the_error_says_what_to_do(folder: Path) -> None:
    with pytest.raises(ConfigError, match="start one with `boatyard serve` or set BOATYARD_URL"):
        require_endpoint(environ={"XDG_CONFIG_HOME": str(folder)}, folder=folder)


@pytest.mark.parametrize(
    "url", ["boatyard", "ftp://x", "http://", "http://[", "http://x:port", "http://x?y=1", "http://x#y", "//x"]
)
def test_what_is_no_address_is_refused_with_its_origin(url: str) -> None:
    with pytest.raises(ConfigError, match=r"BOATYARD_URL: .* is not an address"):
        find_endpoint(environ={"BOATYARD_URL": url})


def test_the_scheme_is_lower_case_whatever_was_written() -> None:
    found = find_endpoint(environ={"BOATYARD_URL": " HTTPS://Boatyard.example.com/base/ "})
    assert found and found.url == "https://Boatyard.example.com/base"


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="BOATYARD_URL: the address contains a user name or password") as caught:
        find_endpoint(environ={"BOATYARD_URL": "https://me:hunter2@boatyard.example.com"})
    assert "hunter2" not in str(caught.value)


def test_project_and_domain_come_from_the_nearest_file_that_has_them(everything: dict[str, str], folder: Path) -> None:
    assert find_client_settings(environ=everything, folder=folder) == ClientSettings(
        url="http://project.example.com/", project="p", domain="d"
    )


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("boatyard.toml", b"[client]\nurl = 1\n", r"boatyard.toml, \[client\]: Expected `str`"),
        ("boatyard.toml", b"\xff", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_named(name: str, content: bytes, text: str, folder: Path) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=text):
        find_endpoint(environ={"XDG_CONFIG_HOME": str(folder / "none")}, folder=folder)


def test_a_record_that_its_own_server_wrote_wrongly_is_named(folder: Path) -> None:
    with own_server(folder, "", record=b"{"), pytest.raises(ConfigError, match=r"server\.json cannot be read"):
        find_endpoint(environ={"XDG_CONFIG_HOME": str(folder / "none")}, folder=folder)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("https://127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
