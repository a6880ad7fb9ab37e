import tomllib
from pathlib import Path

import msgspec

from boatyard.settings import Network, Settings
from boatyard_local.engine import settings_file
from boatyard_local.engine.layout import Layout
from tests.local.engine.test_files import engine

NETWORK = Network(ca_bundle="/ca.pem", index_url='https://u:p"w@i.example', mode="host")


def read(layout: Layout) -> Settings:
    return msgspec.convert(tomllib.loads(layout.settings.read_text()), Settings)


def test_the_file_is_in_the_words_of_the_core(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    settings_file.write(layout, engine(layout.settings), NETWORK)
    settings = read(layout)
    assert settings.buildkit.driver == "buildx"
    assert settings.buildkit.docker_host == "unix:///p/s"
    assert settings.network == NETWORK
    assert settings.default_repository == "127.0.0.1:5050/images"
    assert settings.insecure_registries == ("127.0.0.1:5050",)
    assert settings.uv.directory == str(layout.uv)
    assert [(rule.match, rule.image) for rule in settings.base_images] == [
        ("python:3.11", "127.0.0.1:5050/boatyard/python:3.11@sha256:00")
    ]


def test_where_docker_hub_cannot_be_reached_buildkit_reads_dockerfiles_itself(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    settings_file.write(layout, engine(), NETWORK)
    assert read(layout).buildkit.dockerfile_frontend == "image"
    (image,) = engine().images
    hub = msgspec.structs.replace(image, stands_for=("docker.io/library/python:3.11",))
    settings_file.write(layout, msgspec.structs.replace(engine(), images=(hub,)), NETWORK)
    assert read(layout).buildkit.dockerfile_frontend == "builtin"


def test_only_its_owner_may_read_it_and_it_is_written_only_when_it_changes(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    settings_file.write(layout, engine(), NETWORK)
    first = layout.settings.stat()
    assert first.st_mode & 0o777 == 0o600
    settings_file.write(layout, engine(), NETWORK)
    assert layout.settings.stat().st_ino == first.st_ino
    settings_file.write(layout, engine(), Network())
    assert read(layout).network == Network()
