"""The stand-in for AWS answers concurrent requests as AWS does."""

import threading
import time
from typing import Any

from tests.aws.cloud import Cloud, Front


def test_a_condition_is_checked_and_its_object_written_in_one_step() -> None:
    """moto does both, one after the other: a second request between them would win too."""
    inside: list[int] = []
    most = []

    def moto(environ: dict[str, Any], start: Any) -> list[bytes]:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return []

    front = Front(Cloud(), moto)
    asked = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/key"}
    threads = [threading.Thread(target=front, args=(dict(asked), None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8 and max(most) == 1
