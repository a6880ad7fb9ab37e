"""Cloud Build's log out of its bucket: page by page while it grows, and only what the job printed."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_log import BEGIN, BucketLog
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.builds.log import END
from tests.gcp.storage import Storage

HEAD = f'starting build "b"\n\nFETCHSOURCE\nBUILD\nPulling image: builder\n{BEGIN}\n'
KEY = "logs/log-b.txt"


@pytest.fixture
def log(rest: GoogleRest, bucket: GcsBucket) -> BucketLog:
    return BucketLog(rest, f"gs://{bucket.name}/logs/")


def test_before_the_job_begins_there_is_no_log(log: BucketLog, bucket: GcsBucket) -> None:
    assert log.page("b", "") is None
    bucket.put(KEY, b"")
    assert log.page("b", "") is None
    bucket.put(KEY, b"starting build\n\nFETCHSOURCE\n")
    assert log.page("b", "") is None


def test_a_line_is_given_when_it_is_whole(log: BucketLog, bucket: GcsBucket) -> None:
    bucket.put(KEY, (HEAD + "one\ntw").encode())
    first = log.page("b", "")
    assert first and first.lines == ("one",)
    bucket.put(KEY, (HEAD + "one\ntwo\r\n\nthr").encode())
    second = log.page("b", first.cursor)
    assert second and second.lines == ("two", "")


def test_cloud_builds_own_lines_are_left_out(log: BucketLog, bucket: GcsBucket) -> None:
    bucket.put(KEY, (HEAD + f"BUILD\nDONE\n{END}\nPUSH\nDONE\n").encode())
    page = log.page("b", "")
    assert page and page.lines == ("BUILD", "DONE", END), "the job may print these words too"
    again = log.page("b", page.cursor)
    assert again and (again.lines, again.cursor) == ((END,), page.cursor), "the end is said again"


def test_a_long_log_comes_in_pages(log: BucketLog, bucket: GcsBucket) -> None:
    lines = [f"{number} {'x' * 100} ü" for number in range(6000)]
    bucket.put(KEY, (HEAD + "".join(f"{line}\n" for line in lines)).encode())
    read: list[str] = []
    cursor, pages = "", 0
    while (page := log.page("b", cursor)) and page.lines:
        read += page.lines
        cursor, pages = page.cursor, pages + 1
    assert read == lines and pages > 2


def test_a_line_without_an_end_stops_nothing(log: BucketLog, bucket: GcsBucket) -> None:
    bucket.put(KEY, (HEAD + "x" * 600_000 + "\nafter\n").encode())
    cursor, read = "", ""
    while (page := log.page("b", cursor)) and page.lines:
        read, cursor = read + "".join(page.lines), page.cursor
    assert read == "x" * 600_000 + "after"


@pytest.mark.parametrize("cursor", ["0", "01", "1e3", "٣", "9" * 16, "999999", "+1", "1 ", "1\n", "f/1"])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str, log: BucketLog, bucket: GcsBucket) -> None:
    bucket.put(KEY, HEAD.encode())
    with pytest.raises(BoatyardError) as refused:
        log.page("b", cursor)
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"


def test_a_log_that_may_not_be_read_names_the_role(log: BucketLog, storage: Storage) -> None:
    storage.fail("GET", 403)
    with pytest.raises(BoatyardError) as refused:
        log.page("b", "")
    assert refused.value.code == "DATAPLANE_DENIED" and "roles/storage.objectViewer" in refused.value.detail
