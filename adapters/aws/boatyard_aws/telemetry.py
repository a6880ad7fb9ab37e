"""Logs, metrics and traces by aws-lambda-powertools: JSON lines, CloudWatch's embedded metric format, X-Ray."""

import logging
import os
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from boatyard.api.http import Request, Response
from boatyard.errors import BoatyardError

SERVICE: Final = "boatyard"
NAMESPACE: Final = "Boatyard"
_PATHS: Final = 200
_SERVER_ERROR: Final = 500


class PowertoolsTelemetry:
    """Implements `boatyard_serverless.ports.Telemetry`."""

    def __init__(self, *, tracing: bool = False) -> None:
        self.logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE))
        copy_config_to_registered_loggers(self.logger, include={"boatyard", "boatyard_aws", "boatyard_serverless"})
        logging.getLogger("boatyard").propagate = False  # else Lambda's own handler prints it a second time
        self.metrics = Metrics(
            namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE),
            service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE),
        )
        self._tracing = tracing

    def wrap(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The handler with the request's id in its logs, its metrics flushed, and its segment if traced."""
        logged = self.logger.inject_lambda_context(handler, clear_state=True)
        measured: Callable[[Any, Any], Any] = self.metrics.log_metrics(logged, raise_on_empty_metrics=False)
        if not self._tracing:
            return measured
        from aws_lambda_powertools import Tracer

        traced: Callable[[Any, Any], Any] = Tracer(service=SERVICE).capture_lambda_handler(
            measured, capture_response=False
        )
        return traced

    def answered(self, request: Request | None, response: Response, *, seconds: float) -> None:
        write = self.logger.error if response.status >= _SERVER_ERROR else self.logger.info
        problem = response.body.decode()[:1000] if "problem" in response.headers.get("content-type", "") else None
        write(
            "answered",
            extra={
                "method": request.method if request else None,
                "path": request.path[:_PATHS] if request else None,
                "caller": request.caller if request else None,
                "status": response.status,
                "milliseconds": round(seconds * 1000, 1),
                "problem": problem,
            },
        )
        self.metrics.add_metric(name=f"Answers{response.status // 100}xx", unit=MetricUnit.Count, value=1)
        self.metrics.add_metric(name="AnswerTime", unit=MetricUnit.Milliseconds, value=seconds * 1000)

    def info(self, message: str, **extra: Any) -> None:
        self.logger.info(message, extra=extra)

    def exception(self, message: str) -> None:
        self.logger.exception(message)

    def count(self, name: str, value: float = 1) -> None:
        self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)

    def refused(self, what: str, error: BoatyardError, **extra: Any) -> None:
        self.logger.error(
            what, extra={"code": error.code, "detail": error.detail, "retryable": error.meaning.retryable, **extra}
        )
        self.count("EventsRefused")
