"""Configuration: what ENV and WORKDIR of a rendered Dockerfile change, without BuildKit."""

import pytest

from boatyard_layers import config
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import PathEntry

BASE = {"architecture": "amd64", "config": {"Env": ["PATH=/bin", "A=1"], "User": "root"}}
ROOT = Inventory.empty()


def test_a_variable_is_replaced_in_its_place_and_a_new_one_comes_last() -> None:
    made = config.apply_env(BASE, {"Z": "2", "A": "3"}, {})
    assert made["config"]["Env"] == ["PATH=/bin", "A=3", "Z=2"]
    assert BASE["config"]["Env"] == ["PATH=/bin", "A=1"]  # type: ignore[index]


def test_values_refer_to_what_was_set_before_them() -> None:
    made = config.apply_env(BASE, {"B": "$A-x", "C": "${B}y", "D": "\\$A"}, {})
    assert config.env_of(made) == {"PATH": "/bin", "A": "1", "B": "1-x", "C": "1-xy", "D": "$A"}


def test_variables_of_one_instruction_do_not_see_each_other() -> None:
    assert config.env_of(config.set_env(BASE, {"A": "2", "B": "$A"}, {}))["B"] == "1"


def test_a_value_may_have_line_ends_and_refer_to_build_arguments() -> None:
    arguments = {"_BOATYARD_NEWLINE": "\n", "SOURCE_DATE_EPOCH": "5"}
    assert config.env_of(config.apply_env(BASE, {"T": "a\nb$SOURCE_DATE_EPOCH"}, arguments))["T"] == "a\nb5"


def test_an_image_without_a_path_gets_buildkits() -> None:
    assert config.env_of(config.set_env({}, {"PATH": "/x:${PATH}"}, {}))["PATH"] == f"/x:{config.DEFAULT_PATH}"


def test_a_working_directory_is_relative_to_the_one_before_and_is_made() -> None:
    made, items = config.apply_workdir(BASE, "/srv", ROOT, {})
    made, more = config.apply_workdir(made, "a/../b", ROOT.applied([item.entry for item in items]), {})
    assert config.workdir_of(made) == "/srv/b"
    assert [item.entry.path for item in (*items, *more)] == ["/srv", "/srv/b"]
    assert all((item.entry.kind, item.entry.mode) == ("directory", 0o755) for item in items)


def test_a_working_directory_that_exists_adds_no_layer() -> None:
    there = ROOT.applied(
        [PathEntry(path="/link", kind="symlink", target="/real"), PathEntry(path="/real", kind="directory")]
    )
    made, items = config.apply_workdir(BASE, "/link", there, {})
    assert (config.workdir_of(made), items) == ("/link", [])


def test_what_buildkit_would_refuse_or_give_to_another_user_is_left_to_it() -> None:
    with pytest.raises(NotExact):
        config.apply_workdir(BASE, "/file", ROOT.applied([PathEntry(path="/file")]), {})
    with pytest.raises(NotExact):
        config.apply_workdir(config.apply_user(BASE, "flyte"), "/new", ROOT, {})
