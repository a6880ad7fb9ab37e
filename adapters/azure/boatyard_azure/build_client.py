"""azure-mgmt-containerregistrytasks, as our own identity, with bounded patience.

Only `build_service` imports it, when a build is started, looked at or stopped.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar

from azure.core import exceptions
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient, models

from boatyard_azure.faults import AzureError
from boatyard_azure.rest import AzureRest
from boatyard_azure.sdk import ONCE, QUESTION, OwnCredential, options, refusal_in
from boatyard_azure.stored_task import RegistryItem, StoredTask

T = TypeVar("T")

_LONGEST_MESSAGE: Final = 300


class AcrTasksError(Exception):
    """The API answered with an error, or not at all."""

    def __init__(self, refusal: AzureError | None, said: str, *, sent: bool = True) -> None:
        super().__init__(said)
        self.refusal = refusal
        """None if no answer came."""
        self.said = said
        """Azure's message for people, or why no answer came: printable, at most 300 characters."""
        self.sent = sent
        """False if the request did not leave: no connection could be made."""

    @property
    def is_uncertain(self) -> bool:
        """Whether the API may have done what it was asked for."""
        return self.sent if self.refusal is None else self.refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class DescribedRun(NamedTuple):
    """A run as ACR Tasks describes it."""

    status: str
    message: str
    """Of the failure; empty if there is none."""
    finished: bool


class AcrTasksApi:
    """Raises AcrTasksError. Questions and cancels are repeated while the fault may pass; the start of a run is not."""

    def __init__(self, rest: AzureRest, subscription: str) -> None:
        self._credential = OwnCredential(rest)
        self._azure = ContainerRegistryTasksMgmtClient(subscription_id=subscription, **options(rest, self._credential))

    def schedule(self, task: StoredTask, values: Mapping[str, str]) -> str:
        """The id of the new run; empty if the answer does not say it. Anyone who may see the run sees `values`."""
        request = models.TaskRunRequest(
            task_id=task.id,
            agent_pool_name=task.pool or None,
            override_task_step_properties=models.OverrideTaskStepProperties(
                values_property=[
                    models.SetValue(name=name, value=value, is_secret=False) for name, value in values.items()
                ]
            ),
        )
        made = self._asked(self._azure.registries.schedule_run, task.group, task.registry, request, patience=ONCE)
        if isinstance(made, models.Run):
            return (made.properties.run_id if made.properties else None) or made.name or ""
        return str(made.get("name") or "") if isinstance(made, dict) else ""

    def get(self, run: RegistryItem) -> DescribedRun | None:
        try:
            found = self._asked(self._azure.runs.get, run.group, run.registry, run.name, patience=QUESTION)
        except AcrTasksError as error:
            if error.refusal and error.refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        properties = found.properties if isinstance(found, models.Run) else None
        if properties is None:
            return None
        # An enum's text is the word; a status that this client does not know stays a text.
        status = getattr(properties.status, "value", properties.status) or ""
        return DescribedRun(str(status), _printable(properties.run_error_message or ""), bool(properties.finish_time))

    def cancel(self, run: RegistryItem) -> None:
        self._asked(self._azure.runs.cancel, run.group, run.registry, run.name, patience=QUESTION)

    def log_url(self, run: RegistryItem) -> str:
        """A URL with a signature that gives the log to anyone who has it; empty while there is none."""
        try:
            found = self._asked(self._azure.runs.get_log_sas_url, run.group, run.registry, run.name, patience=QUESTION)
        except AcrTasksError as error:
            if error.refusal and error.refusal.status == HTTPStatus.NOT_FOUND:
                return ""
            raise
        return (found.log_link or "") if isinstance(found, models.RunGetLogResult) else ""

    def _asked(self, call: Callable[..., T], *arguments: Any, patience: Mapping[str, Any]) -> T | dict[str, Any] | None:
        """What the client returns, or the document of an answer that only the client takes for an error."""
        for is_last in (False, True):
            answers: list[Any] = []
            try:
                return call(*arguments, raw_response_hook=answers.append, **patience)
            except exceptions.AzureError as error:
                failure, said = error, _message(error)
            except ValueError:  # of an answer without a document
                failure, said = exceptions.AzureError("an answer that cannot be read"), ""
            if not answers:
                sent = not isinstance(failure, exceptions.ServiceRequestError)
                raise AcrTasksError(None, type(failure).__name__, sent=sent)
            answer = answers[-1].http_response
            if HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return _document(answer)  # the client knows 200 alone, and Azure also answers 202
            if answer.status_code == HTTPStatus.UNAUTHORIZED and not is_last:
                self._credential.refuse()
                continue
            raise AcrTasksError(refusal_in(answer), said)
        raise AssertionError  # the last round returns or raises


def _message(error: exceptions.AzureError) -> str:
    found = error.error.message if isinstance(error, exceptions.HttpResponseError) and error.error else None
    return _printable(found or "")


def _document(answer: Any) -> dict[str, Any] | None:
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_MESSAGE].strip()
