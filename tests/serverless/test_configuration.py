"""The settings of every cloud are read from the same places."""

import json

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.configuration import read_settings
from boatyard_serverless.memory import MemoryBucket
from boatyard_serverless.ports import Bucket

BODY = json.dumps({"defaultRepository": "r.example/i"}).encode()


class Buckets:
    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.opened: list[str] = []

    def __call__(self, name: str) -> Bucket:
        self.opened.append(name)
        return self.bucket


def test_a_url_names_a_bucket_and_a_key() -> None:
    buckets = Buckets()
    buckets.bucket.put("a/settings.json", BODY)
    read = read_settings({"BOATYARD_SETTINGS": "mem://shared/a/settings.json"}, scheme="mem://", bucket=buckets)
    assert read.default_repository == "r.example/i" and buckets.opened == ["shared"]


def test_settings_in_a_variable_open_no_bucket() -> None:
    buckets = Buckets()
    read = read_settings({"BOATYARD_SETTINGS": BODY.decode()}, scheme="mem://", bucket=buckets)
    assert read.default_repository == "r.example/i" and not buckets.opened


def test_a_missing_object_is_named() -> None:
    with pytest.raises(BoatyardError, match=r"there is no mem://shared/none.json") as refused:
        read_settings({"BOATYARD_SETTINGS": "mem://shared/none.json"}, scheme="mem://", bucket=Buckets())
    assert refused.value.code == "INVALID_SPEC"
