"""Every function of the world `alga:extension/runner`: its interface, parameters, result, and the capability that guards it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from holdfast.world import types as t
from holdfast.world.capabilities import Capability


class WitError(Exception):
    """The error case of a `result<T, E>`: a host function raises it, the guest receives the enum case.

    Raised by host functions only; `case` is a member of the enum that the function's result names.
    """

    def __init__(self, case: StrEnum) -> None:
        super().__init__(case.value)
        self.case = case


class Function(Struct, frozen=True):
    """One imported function. `ok` is None if the function returns nothing; `err` is None if it returns no `result`."""

    interface: str
    name: str
    params: tuple[tuple[str, Any], ...]
    ok: Any
    err: type[StrEnum] | None
    capability: Capability

    @property
    def id(self) -> str:
        """`interface.name`, for example `storage.list-entries`."""
        return f"{self.interface}.{self.name}"


PACKAGE = "alga:extension"
WORLD = "runner"
EXPORT = "handler"


def _functions() -> tuple[Function, ...]:
    c = Capability
    return (
        Function("context", "get-context", (), t.ContextData, None, c.CONTEXT_READ),
        Function("secrets", "get", (("key", str),), str, t.SecretError, c.SECRETS_GET),
        Function("secrets", "list-keys", (), list[str], None, c.SECRETS_GET),
        Function("http", "fetch", (("request", t.HttpRequest),), t.HttpResponse, t.HttpError, c.HTTP_FETCH),
        Function("storage", "get", (("namespace", str), ("key", str)), t.StorageEntry, t.StorageError, c.STORAGE_KV),
        Function("storage", "put", (("entry", t.StorageEntry),), t.StorageEntry, t.StorageError, c.STORAGE_KV),
        Function("storage", "delete", (("namespace", str), ("key", str)), None, t.StorageError, c.STORAGE_KV),
        Function(
            "storage", "list-entries", (("namespace", str), ("cursor", str | None)), list[t.StorageEntry], t.StorageError, c.STORAGE_KV
        ),
        Function("logging", "log-info", (("message", str),), None, None, c.LOG_EMIT),
        Function("logging", "log-warn", (("message", str),), None, None, c.LOG_EMIT),
        Function("logging", "log-error", (("message", str),), None, None, c.LOG_EMIT),
        Function("ui-proxy", "call-route", (("route", str), ("payload", bytes | None)), bytes, t.ProxyError, c.UI_PROXY),
        Function("user", "get-user", (), t.UserData, t.UserError, c.USER_READ),
        Function("user-v2", "get-user", (), t.UserDataV2, t.UserError, c.USER_READ),
        Function("scheduler", "list-schedules", (), list[t.ScheduleInfo], t.SchedulerError, c.SCHEDULER_MANAGE),
        Function("scheduler", "get-schedule", (("schedule-id", str),), t.ScheduleInfo | None, t.SchedulerError, c.SCHEDULER_MANAGE),
        Function("scheduler", "create-schedule", (("input", t.CreateScheduleInput),), t.CreateScheduleResult, None, c.SCHEDULER_MANAGE),
        Function(
            "scheduler",
            "update-schedule",
            (("schedule-id", str), ("input", t.UpdateScheduleInput)),
            t.UpdateScheduleResult,
            None,
            c.SCHEDULER_MANAGE,
        ),
        Function("scheduler", "delete-schedule", (("schedule-id", str),), t.DeleteScheduleResult, None, c.SCHEDULER_MANAGE),
        Function("scheduler", "get-endpoints", (), list[t.EndpointInfo], t.SchedulerError, c.SCHEDULER_MANAGE),
        Function(
            "invoicing",
            "create-manual-invoice",
            (("input", t.CreateManualInvoiceInput),),
            t.CreateManualInvoiceResult,
            None,
            c.INVOICE_MANUAL_CREATE,
        ),
        Function("clients", "list-clients", (("input", t.ClientsListInput),), t.ClientsListResult, t.ClientReadError, c.CLIENT_READ),
        Function("clients", "get-client", (("client-id", str),), t.ClientSummary | None, t.ClientReadError, c.CLIENT_READ),
        Function("services", "list-services", (("input", t.ServicesListInput),), t.ServicesListResult, t.ServiceReadError, c.SERVICE_READ),
        Function("services", "get-service", (("service-id", str),), t.ServiceSummary | None, t.ServiceReadError, c.SERVICE_READ),
    )


FUNCTIONS: tuple[Function, ...] = _functions()
FUNCTIONS_BY_ID: dict[str, Function] = {function.id: function for function in FUNCTIONS}
INTERFACES: tuple[str, ...] = tuple(dict.fromkeys(function.interface for function in FUNCTIONS))
