"""`boatyard config`, and the template that it writes."""

import re
from pathlib import Path

import msgspec
import pytest

from boatyard import toml
from boatyard.settings import Settings
from boatyard_client.template import template
from tests.client.commands import boatyard
from tests.client.trees import make


def test_the_template_says_nothing_until_something_is_taken_in() -> None:
    assert toml.loads(template()) == {"client": {}}


def test_every_setting_is_in_the_template_with_its_default() -> None:
    taken_in = toml.loads(re.sub(r"(?m)^#(?! |$)", "", template()))
    assert taken_in.pop("client") == {"url": "", "project": "", "domain": ""}
    assert msgspec.convert(taken_in, Settings) == Settings()
    names = msgspec.to_builtins(Settings())
    without = {name for name, value in names.items() if value is None}
    assert set(taken_in) == set(names) - without
    assert all(f"# {name} has no value by default." in template() for name in without)
    for name, value in names.items():
        if isinstance(value, dict):
            assert set(taken_in[name]) == set(value)


def test_the_template_explains_itself() -> None:
    text = template()
    assert "# Platforms of an image whose spec names none.\n#defaultPlatforms" in text
    assert "# One of zstd, gzip, uncompressed.\n#compression" in text
    assert max(map(len, text.splitlines())) <= 120


def test_init_writes_a_file_once(folder: Path) -> None:
    done = boatyard("config", "init")
    assert done.code == 0 and done.out == "boatyard.toml\n"
    assert (folder / "boatyard.toml").read_text() == template()
    (folder / "boatyard.toml").write_text("mine")
    again = boatyard("config", "init")
    assert again.code == 1 and "--force overwrites it" in again.err and (folder / "boatyard.toml").read_text() == "mine"
    assert boatyard("config", "init", "--force", "--json").json() == {"path": "boatyard.toml"}
    assert boatyard("config", "init", "sub").out == "sub\n"
    (folder / "place").mkdir()
    assert boatyard("config", "init", "place").out == "place/boatyard.toml\n"
    missing = boatyard("config", "init", "nowhere/x.toml", "--json")
    assert missing.code == 1 and missing.json()["error"]["code"] == "CONFIG"


def test_a_projects_service_is_trusted_once(folder: Path) -> None:
    make(folder, {"boatyard.toml": b'[client]\nurl = "https://boatyard.example.com/"\n'})
    refused = boatyard("config", "show")
    assert refused.code == 1 and "boatyard config trust https://boatyard.example.com" in refused.err
    assert boatyard("config", "trust").out == "https://boatyard.example.com\n"
    assert boatyard("config", "show", "--json").json()["url"] == "https://boatyard.example.com"
    assert boatyard("config", "trust", "https://other.example.com/", "--json").json() == {
        "trusted": "https://other.example.com"
    }
    assert boatyard("config", "trust", "nonsense").code == 1
    (folder / "boatyard.toml").unlink()
    assert "give its address" in boatyard("config", "trust").err


def test_show_tells_what_counts_and_where_it_is_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert boatyard("config", "show").out == ("service   none\nproject   default/development\nsettings  the defaults\n")
    make(
        folder,
        {"boatyard.toml": b'defaultRepository = "a.example.com/x"\n[limits]\nlayers = 7\n[client]\ndomain="d"\n'},
    )
    monkeypatch.setenv("BOATYARD_URL", "http://127.0.0.1:1/")
    shown = boatyard("config", "show").out
    assert "service   http://127.0.0.1:1 (from BOATYARD_URL)" in shown and "default/d" in shown
    assert '  defaultRepository = "a.example.com/x"' in shown and "  limits.layers = 7" in shown
    answer = boatyard("config", "show", "--json").json()
    assert answer["url"] == "http://127.0.0.1:1" and answer["settings"]["limits"]["layers"] == 7
    assert answer["settingsFrom"] == [str(folder / "boatyard.toml")]
