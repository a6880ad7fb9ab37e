"""Writes logs, metrics and traces with aws-lambda-powertools: JSON lines, CloudWatch's embedded metric format,
X-Ray."""

import logging
import os
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from boatyard_serverless.telemetry import loggable

SERVICE: Final = "boatyard"
NAMESPACE: Final = "Boatyard"


class PowertoolsTelemetry:
    """Implements `boatyard_serverless.ports.Telemetry`."""

    def __init__(self, *, tracing: bool = False) -> None:
        self.logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE))
        copy_config_to_registered_loggers(self.logger, include={"boatyard", "boatyard_aws", "boatyard_serverless"})
        logging.getLogger("boatyard").propagate = False  # otherwise Lambda's own handler prints each line again
        self.metrics = Metrics(
            namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE),
            service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE),
        )
        self._tracing = tracing

    def wrap(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Wraps the handler: adds the request's id to its logs, flushes its metrics, and traces it if enabled."""
        logged = self.logger.inject_lambda_context(handler, clear_state=True)
        measured: Callable[[Any, Any], Any] = self.metrics.log_metrics(logged, raise_on_empty_metrics=False)
        if not self._tracing:
            return measured
        from aws_lambda_powertools import Tracer

        traced: Callable[[Any, Any], Any] = Tracer(service=SERVICE).capture_lambda_handler(
            measured, capture_response=False
        )
        return traced

    def info(self, message: str, **extra: Any) -> None:
        self.logger.info(message, extra=loggable(extra))

    def error(self, message: str, **extra: Any) -> None:
        self.logger.error(message, extra=loggable(extra))

    def exception(self, message: str) -> None:
        self.logger.exception(message)

    def count(self, name: str, value: float = 1) -> None:
        self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)

    def milliseconds(self, name: str, value: float) -> None:
        self.metrics.add_metric(name=name, unit=MetricUnit.Milliseconds, value=value)
