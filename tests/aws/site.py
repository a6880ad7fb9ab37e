"""The function in this process: the real wiring over AWS on loopback."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from boatyard_aws.wiring import Parts
from tests.aws.codebuild import PROJECT
from tests.aws.images import HOST

DEPLOYMENT_KEY = "boatyard-deployment-key"

SPEC = {"baseImage": f"{HOST}/base:1", "pythonVersion": "3.12", "layers": [{"pipPackages": {"packages": ["six"]}}]}


@dataclass
class Context:
    """The attributes of Lambda's context object that powertools reads."""

    function_name: str = "boatyard"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:boatyard"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def variables(bucket: str, **more: str) -> dict[str, str]:
    return {
        "BOATYARD_BUCKET": bucket,
        "BOATYARD_DEPLOYMENT_KEY": DEPLOYMENT_KEY,
        "BOATYARD_RUNNER": "codebuild",
        "BOATYARD_CODEBUILD_PROJECT": PROJECT,
        "BOATYARD_DEFAULT_REPOSITORY": f"{HOST}/images",
        **more,
    }


def ask(site: Parts, event: Any) -> tuple[int, Any]:
    """Status and decoded body of the URL's answer."""
    answer = _wrapped(site, site.http_app.handle)(event, Context())
    return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None


def tell(site: Parts, event: Any) -> Any:
    """The result of the function for events."""
    return _wrapped(site, site.event_app.handle)(event, Context())


def _wrapped(site: Parts, handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    for each in site.telemetry.logger.handlers:  # one logger for the whole process, made in another test
        if type(each) is logging.StreamHandler:
            each.stream = sys.stdout
    site.telemetry.metrics.clear_metrics()  # one set for the whole process as well
    return site.telemetry.wrap(handle)


def order(**more: Any) -> dict[str, Any]:
    return {"spec": SPEC, "project": "ml", "domain": "dev", **more}
