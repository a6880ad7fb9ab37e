"""Cloud Build's log in its bucket. tests/serverless/test_growing_log.py tests what is the same for every cloud."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_log import BucketLog
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.log import END
from tests.gcp.storage import Storage

HEAD = f'starting build "b"\n\nFETCHSOURCE\nBUILD\nPulling image: builder\n{BEGIN}\n'
KEY = "logs/log-b.txt"


@pytest.fixture
def log(rest: GoogleRest, bucket: GcsBucket) -> BucketLog:
    return BucketLog(rest, f"gs://{bucket.name}/logs/")


def test_a_log_is_read_while_it_grows(log: BucketLog, bucket: GcsBucket) -> None:
    assert log.page("b", "") is None
    bucket.put(KEY, b"")
    assert log.page("b", "") is None
    bucket.put(KEY, (HEAD + "one\ntw").encode())
    first = log.page("b", "")
    assert first and first.lines == ("one",)
    bucket.put(KEY, (HEAD + f"one\ntwo\n{END}\nPUSH\nDONE\n").encode())
    second = log.page("b", first.cursor)
    assert second and second.lines == ("two", END)


def test_a_cursor_behind_the_end_is_refused(log: BucketLog, bucket: GcsBucket) -> None:
    bucket.put(KEY, HEAD.encode())
    with pytest.raises(BoatyardError) as refused:
        log.page("b", "999999")
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"


def test_a_log_that_may_not_be_read_names_the_role(log: BucketLog, storage: Storage) -> None:
    storage.fail("GET", 403)
    with pytest.raises(BoatyardError) as refused:
        log.page("b", "")
    assert refused.value.code == "DATAPLANE_DENIED" and "roles/storage.objectViewer" in refused.value.detail
