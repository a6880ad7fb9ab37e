from pathlib import Path

import pytest

from boatyard.settings import Network
from boatyard_local.engine import network
from boatyard_local.engine.environment import daemon_environment, docker_environment
from boatyard_local.engine.imports import network_script
from boatyard_local.engine.ports import free_port, is_free
from boatyard_local.engine.reachable import unreachable


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.touch()
    return str(path)


def test_nothing_set_is_the_default_network() -> None:
    assert network.detect({}, [], "default") == Network()


def test_the_ca_bundle_is_the_first_variable_that_names_a_file(bundle: str, tmp_path: Path) -> None:
    environ = {"SSL_CERT_FILE": "/nowhere.pem", "PIP_CERT": bundle, "REQUESTS_CA_BUNDLE": str(tmp_path)}
    assert network.detect(environ, [], "host") == Network(ca_bundle=bundle, mode="host")


def test_folders_of_this_machine_are_no_index_for_builds(tmp_path: Path) -> None:
    pip = tmp_path / "pip.conf"
    pip.write_text(
        "[global]\nindex-url = file:///opt/simple\nextra-index-url = file:///opt/more\n  https://b.example\n"
    )
    assert network.detect({}, [pip], "default") == Network(extra_index_urls=("https://b.example",))


def test_variables_win_over_files_and_later_files_over_earlier(tmp_path: Path) -> None:
    first, second = tmp_path / "a.conf", tmp_path / "b.conf"
    first.write_text("[global]\nindex-url = https://a.example/simple\n")
    second.write_text("[install]\nindex-url = https://b.example/simple\n")
    files = [first, second, tmp_path / "missing.conf"]
    assert network.detect({}, files, "default").index_url == "https://b.example/simple"
    assert network.detect({"PIP_INDEX_URL": "https://c.example"}, files, "default").index_url == "https://c.example"


def test_a_named_index_of_uv_is_taken_by_its_address() -> None:
    found = network.detect({"UV_INDEX": "corp=https://u:p@i.example/?a=b https://j.example"}, [], "default")
    assert found.extra_index_urls == ("https://u:p@i.example/?a=b", "https://j.example")


def test_proxies_are_read_in_both_spellings() -> None:
    found = network.detect({"HTTPS_PROXY": "http://p:1", "no_proxy": "localhost"}, [], "default")
    assert (found.https_proxy, found.no_proxy, found.http_proxy) == ("http://p:1", "localhost", "")


def test_a_pip_file_that_cannot_be_parsed_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section\n")
    assert network.detect({}, [tmp_path / "pip.conf"], "default") == Network()


def test_pip_can_be_told_to_read_no_file() -> None:
    assert network.pip_files({"PIP_CONFIG_FILE": "/dev/null"}) == []
    assert network.pip_files({"HOME": "/h", "PIP_CONFIG_FILE": "/x.conf"})[-1] == Path("/x.conf")


def test_the_script_for_builds_quotes_its_values(bundle: str) -> None:
    script = network_script(Network(ca_bundle=bundle, index_url="https://i.example/$(id)'"))
    assert "SSL_CERT_FILE=/run/boatyard/ca.pem\n" in script
    assert """UV_DEFAULT_INDEX='https://i.example/$(id)'"'"''\n""" in script
    assert network_script(Network()) == ""


def test_daemons_see_proxies_and_no_credentials() -> None:
    environ = {"PATH": "/bin", "HTTPS_PROXY": "p", "AWS_SECRET_ACCESS_KEY": "s", "UV_INDEX": "https://u:p@x"}
    assert daemon_environment(Path("/r"), Path("/t"), environ) == {
        "HTTPS_PROXY": "p",
        "TMPDIR": "/t",
        "PATH": "/r/usr/sbin:/r/usr/bin:/bin",
    }


def test_the_docker_command_is_pointed_at_one_engine_whatever_the_caller_had() -> None:
    environ = {"DOCKER_HOST": "tcp://other", "DOCKER_CONTEXT": "other", "BUILDX_BUILDER": "other", "A": "1"}
    assert docker_environment("unix:///s", "/c", environ) == {
        "DOCKER_HOST": "unix:///s",
        "DOCKER_CONFIG": "/c",
        "A": "1",
    }
    assert docker_environment("", "", environ) == {"DOCKER_HOST": "tcp://other", "DOCKER_CONTEXT": "other", "A": "1"}


def test_a_busy_port_is_not_given_out() -> None:
    import socket

    port = free_port()
    assert free_port(port) == port
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        assert not is_free(port)
        assert free_port(port) != port


def test_a_registry_that_does_not_exist_cannot_be_reached() -> None:
    assert unreachable(("registry.invalid", "127.0.0.1:9")) == {"registry.invalid", "127.0.0.1:9"}
