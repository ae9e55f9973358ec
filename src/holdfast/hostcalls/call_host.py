"""Runs the host functions of one call: the one place that checks quota and capability, and reports every call.

    guest calls a function
        │
    1. quota of host calls used? ── yes ──► quota error or failed result; one event for the first
        │ no
    2. capability granted? ──────── no ───► denied error or failed result; event
        │ yes
    3. run the handler ─┬─ WitError ──────► its case to the guest; event with the reason
                        ├─ any exception ─► internal error or failed result; logged; event with the exception's type only
                        └─ value ─────────► to the guest; event

The guest never receives a trap for these, only the error case or result that the contract names. Every branch counts the outcome.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import structlog

from holdfast.contract.debug_event import Level
from holdfast.events import EventSink
from holdfast.hostcalls.application.backend import HostBackend
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.call.event_reporter import EventReporter
from holdfast.hostcalls.call.extension_log import ExtensionLog
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.hostcalls.interfaces import clients, context, http, invoicing, scheduler, secrets, services, storage, ui_proxy, user
from holdfast.hostcalls.interfaces import logging as guest_logging
from holdfast.hostcalls.interfaces.session import Session
from holdfast.hostcalls.network.egress import EgressRule, InvalidEgressEntry, parse_rule
from holdfast.hostcalls.rejections import reject_host_error, reject_not_granted, reject_over_quota
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability
from holdfast.world.functions import FUNCTIONS_BY_ID, Function, WitError
from holdfast.world.types import HttpRequest, StorageEntry

if TYPE_CHECKING:
    from holdfast.hostcalls.application.ui_proxy import UiProxyClient
    from holdfast.hostcalls.network.deferred_fetcher import Fetches

_log = structlog.get_logger(__name__)

QUOTA_EXCEEDED = "quota of host calls exceeded"
HOST_FAILURE = "internal error of the host"

HANDLERS: dict[str, Callable[..., Awaitable[object]]] = {
    "context.get-context": context.get_context,
    "secrets.get": secrets.get,
    "secrets.list-keys": secrets.list_keys,
    "http.fetch": http.fetch,
    "storage.get": storage.get,
    "storage.put": storage.put,
    "storage.delete": storage.delete,
    "storage.list-entries": storage.list_entries,
    "logging.log-info": guest_logging.log_info,
    "logging.log-warn": guest_logging.log_warn,
    "logging.log-error": guest_logging.log_error,
    "ui-proxy.call-route": ui_proxy.call_route,
    "user.get-user": user.get_user,
    "user-v2.get-user": user.get_user_v2,
    "scheduler.list-schedules": scheduler.list_schedules,
    "scheduler.get-schedule": scheduler.get_schedule,
    "scheduler.create-schedule": scheduler.create_schedule,
    "scheduler.update-schedule": scheduler.update_schedule,
    "scheduler.delete-schedule": scheduler.delete_schedule,
    "scheduler.get-endpoints": scheduler.get_endpoints,
    "invoicing.create-manual-invoice": invoicing.create_manual_invoice,
    "clients.list-clients": clients.list_clients,
    "clients.get-client": clients.get_client,
    "services.list-services": services.list_services,
    "services.get-service": services.get_service,
}
"""The implementation of every function of the world. Its parameters are the session, then those of the function."""


FETCH = FUNCTIONS_BY_ID["http.fetch"]


class CallHost:
    """The host of one call (`engine.Host`), and the reporter of its lifecycle to the debug stream."""

    def __init__(
        self,
        call: CallContext,
        granted: frozenset[Capability],
        backend: HostBackend,
        events: EventSink | None,
        *,
        fetcher: Fetches,
        ui_proxy: UiProxyClient | None = None,
        secrets: Mapping[str, str] | None = None,
        limits: HostLimits | None = None,
        log: ExtensionLog | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_call: Callable[[str, str], None] | None = None,
    ) -> None:
        """`granted` need not contain the capabilities that are always granted; `secrets` are plaintext; `log` gets the lines of
        the guest and what went wrong, or is None; `clock` returns seconds.

        `on_call` is called with the function and the outcome of every host call: `ok`, `failed`, `refused` (over the quota),
        `not granted`, or a case of the function's error; and with `reported` for a fetch that only the mode `report` allows, besides its
        outcome.
        """
        self._limits = limits or HostLimits()
        self._granted = granted | ALWAYS_GRANTED
        self._clock = clock
        self._on_call = on_call
        self._started = clock()
        self._route = ""
        self._calls = 0
        plaintext = dict(secrets or {})
        self._events = EventReporter(
            call,
            events,
            log=log,
            secrets=plaintext.values(),
            max_event_bytes=self._limits.event_bytes,
            max_lines=self._limits.log_lines,
        )
        self._secrets = plaintext
        self._context = call
        self._egress = self._rules(call.egress)
        self._backend, self._fetcher, self._ui_proxy = backend, fetcher, ui_proxy

    @cached_property
    def _session(self) -> Session:
        """Created by the first host call: many guests make none."""
        return Session(
            call=self._context,
            granted=self._granted,
            secrets=self._secrets,
            egress=self._egress,
            egress_withheld=None if self._context.egress_withheld is None else self._rules(self._context.egress_withheld),
            backend=self._backend,
            fetcher=self._fetcher,
            ui_proxy=self._ui_proxy,
            events=self._events,
            limits=self._limits,
            count=lambda outcome: self._count(FETCH, outcome),
        )

    @property
    def egress_bytes(self) -> int:
        """Bytes that the call's fetches have sent and received."""
        # Without creating the session: most calls fetch nothing.
        return self._session.egress_bytes if "_session" in self.__dict__ else 0

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        """Runs one call of the guest. Returns the function's value; raises WitError for the error case of its result."""
        started = self._clock()
        self._calls += 1
        if self._calls > self._limits.host_calls:
            self._count(function, "refused")
            if self._calls == self._limits.host_calls + 1:
                self._report(
                    function, args, "refused", started, "warn", f"the call has made {self._limits.host_calls} host calls, its limit"
                )
            return reject_over_quota(function, QUOTA_EXCEEDED)
        if function.capability not in self._granted:
            self._count(function, "not granted")
            self._report(function, args, "not granted", started, "warn", f"the install was not granted {function.capability.value}")
            return reject_not_granted(function)
        try:
            value = await HANDLERS[function.id](self._session, *args)
        except WitError as error:
            self._count(function, error.case.value)
            reason = error.reason if isinstance(error, HostCallError) else ""
            self._report(function, args, error.case.value, started, "warn" if reason else "debug", reason)
            raise
        except Exception as error:
            self._count(function, HOST_FAILURE)
            _log.exception("host function failed", function=function.id)
            self._report(function, args, HOST_FAILURE, started, "error", type(error).__name__)
            return reject_host_error(function, HOST_FAILURE)
        failed = getattr(value, "success", True) is False  # a record reports failure in its own field
        self._count(function, "failed" if failed else "ok")
        if failed:
            self._report(function, args, "failed", started, "warn", getattr(value, "error", None) or "")
        elif function.interface != "logging":  # the line itself is the event
            self._report(function, args, "ok", started, "debug", "")
        return value

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        """Reports a line of the guest's standard streams, with level info for stdout and error for stderr."""
        self._events.guest_line("info" if stream == "stdout" else "error", stream, line)

    def call_started(self, method: str, path: str) -> None:
        """Reports the start of the call and its context. Leaves out the query, which may contain personal data."""
        self._started = self._clock()
        if not self._events.wants("info"):
            return
        self._route = f"{method} {path.partition('?')[0]}"
        self._events.host("info", f"call started: {self._route}")
        self._events.host("debug", _describe(self._context, self._granted))

    def handler_started(self) -> None:
        """Reports that the guest starts to run. The time since `call_started` is what preparing its bundle took."""
        if not self._events.wants("debug"):
            return
        ms = (self._clock() - self._started) * 1_000
        self._events.host("debug", f"handler started: {self._route}, ready after {ms:.1f} ms")

    def call_repeated(self, status: int) -> None:
        """Reports that the response came from an earlier call with the same idempotency key."""
        self._events.host("info", f"call not run again: its idempotency key has a stored response with status {status}")

    def call_finished(self, status: int, ms: float) -> None:
        """Reports the guest's response."""
        if self._events.wants("info"):
            self._events.host("info", f"call finished: status {status} in {ms:.1f} ms")

    def call_failed(self, code: str, message: str, stack: Sequence[str] = ()) -> None:
        """Reports a call without a response: the stable code, a message, and the guest's stack, innermost frame first."""
        self._events.host("error", "\n".join([f"call failed: {code}: {message}", *(f"    at {frame}" for frame in stack)]))

    def _count(self, function: Function, outcome: str) -> None:
        if self._on_call is not None:
            self._on_call(function.id, outcome)

    def _report(self, function: Function, args: tuple[Any, ...], outcome: str, started: float, level: Level, reason: str) -> None:
        if not self._events.wants(level):
            return
        ms = (self._clock() - started) * 1_000
        subject = _subject(function.id, args)
        self._events.host(
            level, f"host call {function.id}{f' ({subject})' if subject else ''}: {outcome} in {ms:.1f} ms{f': {reason}' if reason else ''}"
        )

    def _rules(self, entries: Sequence[str]) -> tuple[EgressRule, ...]:
        """The rules of egress entries. Reports an invalid entry, which grants nothing."""
        rules: list[EgressRule] = []
        for entry in entries:
            try:
                rules.append(parse_rule(entry))
            except InvalidEgressEntry as error:
                self._events.host("warn", str(error))
        return tuple(rules)


def _describe(call: CallContext, granted: frozenset[Capability]) -> str:
    """The context of a call: ids, granted capabilities, and the names of configuration keys without their values."""
    ids = (
        ("tenant", call.tenant_id),
        ("extension", call.extension_id),
        ("install", call.install_id),
        ("version", call.version_id),
        ("content", call.content_hash),
    )
    named = ", ".join([f"{what} {value}" for what, value in ids if value])
    keys = ", ".join(sorted(call.config)) or "none"
    return f"call context: {named}; granted: {_names(granted)}; configuration keys: {keys}"


@lru_cache(maxsize=256)
def _names(granted: frozenset[Capability]) -> str:
    return ", ".join(sorted(capability.value for capability in granted))


def _subject(function_id: str, args: tuple[Any, ...]) -> str:
    """The subject of a host call that is safe to show: the namespace of a record, or host and path of a fetch."""
    match function_id, args:
        case (("storage.get" | "storage.delete" | "storage.list-entries"), (str() as namespace, *_)):
            return f"namespace {namespace[:128]}"
        case "storage.put", (StorageEntry() as entry,):
            return f"namespace {entry.namespace[:128]}"
        case "http.fetch", (HttpRequest() as request,):
            try:
                parts = urlsplit(request.url)
                return f"{request.method[:16]} {parts.hostname or ''}{parts.path}"[:500]
            except ValueError:
                return request.method[:16]
    return ""
