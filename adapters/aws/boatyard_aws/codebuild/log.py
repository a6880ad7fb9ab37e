"""A build's log out of CloudWatch Logs, page by page.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html: the forward token
is where the next page starts, and the same token again at the end. It expires after a day.
"""

import re
from typing import Any, Final

from boatyard.build import Build
from boatyard.errors import BoatyardError, invalid
from boatyard.ports import LogPage
from boatyard.timespan import lasts
from boatyard_aws.clients import Clients
from boatyard_aws.codebuild.record import Record
from boatyard_aws.faults import code_of, explained

END: Final = "boatyard: end of log"
"""The job's last line. CloudWatch delivers late, so an ended build alone says nothing about its log."""
_LATE_SECONDS: Final = 30.0
_OF_CODEBUILD: Final = "[Container] "
_CURSOR: Final = re.compile(r"f/[0-9]{1,64}(?:/s)?\Z")
_LINES: Final = 1000


class CloudWatchLog:
    def __init__(self, clients: Clients, group: str) -> None:
        self._clients = clients
        self._group = group

    def page(self, record: Record, cursor: str, *, now: float) -> LogPage:
        """Raises INVALID_SPEC for a cursor that was not given out here, or a day ago."""
        if cursor and not _CURSOR.match(cursor):
            raise invalid(f"{cursor[:40]!r} was not given out here", field="cursor")
        build = record.build
        never_ran = build.state.ended and build.started_at is None
        found = self._events(record.codebuild_id, cursor) if record.codebuild_id else None
        if found is None:
            return LogPage((), cursor, never_ran or _is_late(build, now))
        messages, token = found
        lines = [line for message in messages for line in message.rstrip("\r\n").split("\n")]
        done = END in lines
        shown = tuple(line for line in lines if line != END and not line.startswith(_OF_CODEBUILD))
        at_end = not messages and (never_ran or _is_late(build, now))
        return LogPage(shown, token, done or at_end)

    def _events(self, codebuild_id: str, cursor: str) -> tuple[list[str], str] | None:
        """None while there is no stream: the build has not begun to write."""
        from botocore.exceptions import ClientError

        token: dict[str, Any] = {"nextToken": cursor} if cursor else {}
        codes = {"unavailable": "DATAPLANE_UNAVAILABLE", "denied": "DATAPLANE_DENIED"}
        with explained("logs:GetLogEvents", f"log-group:{self._group}", **codes):
            try:
                answer = self._clients.logs().get_log_events(
                    logGroupName=self._group,
                    logStreamName=codebuild_id.partition(":")[2],
                    startFromHead=True,
                    limit=_LINES,
                    **token,
                )
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                if cursor and code_of(error) == "InvalidParameterException":
                    raise _expired() from None
                raise
        return [event.get("message", "") for event in answer["events"]], answer["nextForwardToken"]


def _expired() -> BoatyardError:
    return invalid("this cursor is no longer valid; begin with an empty one", field="cursor")


def _is_late(build: Build, now: float) -> bool:
    return build.finished_at is not None and not lasts(build.finished_at, now, _LATE_SECONDS)
