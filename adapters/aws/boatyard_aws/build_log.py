"""Reads a build's log from CloudWatch Logs, page by page.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html: the forward token starts the
next page, and at the end of the log it is the token of the request. It expires after a day.
"""

import re
from typing import Any, Final

from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless.builds.log import expired_cursor, foreign_cursor
from boatyard_serverless.ports import RawLog

_OF_CODEBUILD: Final = "[Container] "
_CURSOR: Final = re.compile(r"f/[0-9]{1,64}(?:/s)?\Z")
_LINES: Final = 1000
_NO_STREAM: Final = "ResourceNotFoundException"
_EXPIRED: Final = "InvalidParameterException"


class CloudWatchLog:
    def __init__(self, clients: Clients, group: str) -> None:
        self._clients = clients
        self._group = group

    def page(self, execution: str, cursor: str) -> RawLog | None:
        """Raises INVALID_SPEC for a cursor that is not CloudWatch's, or older than a day."""
        if cursor and not _CURSOR.match(cursor):
            raise foreign_cursor(cursor)
        found = self._events(execution, cursor)
        if found is None:
            return None
        messages, token = found
        lines = (line for message in messages for line in message.rstrip("\r\n").split("\n"))
        return RawLog(tuple(line for line in lines if not line.startswith(_OF_CODEBUILD)), token)

    def _events(self, execution: str, cursor: str) -> tuple[list[str], str] | None:
        """Returns None while there is no log stream: the build has not written to it yet."""
        token: dict[str, Any] = {"nextToken": cursor} if cursor else {}
        expected = {_NO_STREAM, _EXPIRED} if cursor else {_NO_STREAM}
        with AwsCall("logs:GetLogEvents", f"log-group:{self._group}", expected=expected) as call:
            answer = self._clients.logs().get_log_events(
                logGroupName=self._group,
                logStreamName=execution.partition(":")[2],
                startFromHead=True,
                limit=_LINES,
                **token,
            )
            return [event.get("message", "") for event in answer["events"]], answer["nextForwardToken"]
        if call.met == _EXPIRED:
            raise expired_cursor()
        return None
