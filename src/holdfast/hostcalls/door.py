"""The one door between a guest and its host: granted? within quota? do it, report it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from holdfast.contract.debug_event import Level
from holdfast.events import EventSink
from holdfast.hostcalls import context
from holdfast.hostcalls.backend import HostBackend
from holdfast.hostcalls.call import CallContext
from holdfast.hostcalls.interfaces import clients, http, invoicing, scheduler, secrets, services, storage, ui_proxy, user
from holdfast.hostcalls.interfaces import logging as guest_logging
from holdfast.hostcalls.interfaces.ui_proxy import UiProxy
from holdfast.hostcalls.network.egress import EgressRule, InvalidEgressEntry, parse_rule
from holdfast.hostcalls.network.fetch import Fetcher
from holdfast.hostcalls.refusals import host_failed, not_granted, over_quota
from holdfast.hostcalls.report import Reporter
from holdfast.hostcalls.session import DoorLimits, Refused, Session
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability
from holdfast.world.functions import Function, WitError
from holdfast.world.types import HttpRequest, StorageEntry

logger = logging.getLogger(__name__)

QUOTA_USED_UP = "quota of host calls used up"
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
"""What does the work of every function of the world; each takes the session, then the function's own arguments."""


class HostDoor:
    """The host of one call, as the engine sees it (`engine.Host`), and the voice of the call in the debug stream.

    A refusal or failure reaches the guest as the error case or the result that the contract names, never as a trap.
    """

    def __init__(
        self,
        call: CallContext,
        granted: frozenset[Capability],
        backend: HostBackend,
        events: EventSink | None,
        *,
        fetcher: Fetcher,
        ui_proxy: UiProxy | None = None,
        secrets: Mapping[str, str] | None = None,
        limits: DoorLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_call: Callable[[str, str], None] | None = None,
    ) -> None:
        """`granted` is completed by what is always granted; `secrets` are decoded (see `open_envelope`); `clock` counts seconds.

        `on_call` is told the function and the outcome of every host call: `ok`, `failed`, `refused`, `not granted`, or a case of the
        function's error.
        """
        self._limits = limits or DoorLimits()
        self._granted = granted | ALWAYS_GRANTED
        self._clock = clock
        self._on_call = on_call
        self._started = clock()
        self._asked = ""
        self._calls = 0
        opened = dict(secrets or {})
        self._report = Reporter(
            call, events, secrets=opened.values(), max_event_bytes=self._limits.event_bytes, max_lines=self._limits.log_lines
        )
        self._secrets = opened
        self._context = call
        self._egress = self._rules(call.egress)
        self._backend, self._fetcher, self._ui_proxy = backend, fetcher, ui_proxy

    @cached_property
    def _session(self) -> Session:
        """Made when the guest asks for something: many never do."""
        return Session(
            call=self._context,
            granted=self._granted,
            secrets=self._secrets,
            egress=self._egress,
            backend=self._backend,
            fetcher=self._fetcher,
            ui_proxy=self._ui_proxy,
            report=self._report,
            limits=self._limits,
        )

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        """Answers one call of the guest. Returns the function's value; raises WitError for the error case of its result."""
        started = self._clock()
        self._calls += 1
        if self._calls > self._limits.host_calls:
            self._count(function, "refused")
            if self._calls == self._limits.host_calls + 1:
                self._tell(function, args, "refused", started, "warn", f"the call has made {self._limits.host_calls} host calls, its limit")
            return over_quota(function, QUOTA_USED_UP)
        if function.capability not in self._granted:
            self._count(function, "not granted")
            self._tell(function, args, "not granted", started, "warn", f"the install was not granted {function.capability.value}")
            return not_granted(function)
        try:
            answer = await HANDLERS[function.id](self._session, *args)
        except WitError as refusal:
            self._count(function, refusal.case.value)
            reason = refusal.reason if isinstance(refusal, Refused) else ""
            self._tell(function, args, refusal.case.value, started, "warn" if reason else "debug", reason)
            raise
        except Exception as error:
            self._count(function, HOST_FAILURE)
            logger.exception("host function %s failed", function.id)
            self._tell(function, args, HOST_FAILURE, started, "error", type(error).__name__)
            return host_failed(function, HOST_FAILURE)
        failed = getattr(answer, "success", True) is False  # a result that is a record carries its own failure
        self._count(function, "failed" if failed else "ok")
        if failed:
            self._tell(function, args, "failed", started, "warn", getattr(answer, "error", None) or "")
        elif function.interface != "logging":  # a line of the log is an event by itself
            self._tell(function, args, "ok", started, "debug", "")
        return answer

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        """A line of the guest's standard streams: an event of level info, or error for stderr."""
        self._report.guest_line("info" if stream == "stdout" else "error", stream, line)

    def call_started(self, method: str, path: str) -> None:
        """Reports the beginning of the call, and who it is for. A query is left out: it may carry what is nobody's business."""
        self._started = self._clock()
        if not self._report.heard:
            return
        self._asked = f"{method} {path.partition('?')[0]}"
        self._report.host("info", f"call started: {self._asked}")
        self._report.host("debug", _described(self._context, self._granted))

    def handler_started(self) -> None:
        """Reports that the guest begins to run: what lies between this and `call_started` is the making ready of its bundle."""
        if not self._report.heard:
            return
        ms = (self._clock() - self._started) * 1_000
        self._report.host("debug", f"handler started: {self._asked}, ready after {ms:.1f} ms")

    def call_repeated(self, status: int) -> None:
        """Reports that an earlier call with the same idempotency key gave the answer."""
        self._report.host("info", f"call not run again: its idempotency key was answered before with status {status}")

    def call_finished(self, status: int, ms: float) -> None:
        """Reports the guest's answer."""
        if self._report.heard:
            self._report.host("info", f"call finished: status {status} in {ms:.1f} ms")

    def call_failed(self, code: str, message: str, stack: Sequence[str] = ()) -> None:
        """Reports a call that ended without an answer: the stable code, a sentence, the guest's stack, innermost frame first."""
        self._report.host("error", "\n".join([f"call failed: {code}: {message}", *(f"    at {frame}" for frame in stack)]))

    def _count(self, function: Function, outcome: str) -> None:
        if self._on_call is not None:
            self._on_call(function.id, outcome)

    def _tell(self, function: Function, args: tuple[Any, ...], outcome: str, started: float, level: Level, reason: str) -> None:
        if not self._report.heard:
            return
        ms = (self._clock() - started) * 1_000
        subject = _subject(function.id, args)
        self._report.host(
            level, f"host call {function.id}{f' ({subject})' if subject else ''}: {outcome} in {ms:.1f} ms{f': {reason}' if reason else ''}"
        )

    def _rules(self, entries: Sequence[str]) -> tuple[EgressRule, ...]:
        """The rules of the install. A faulty entry grants nothing; the author is told."""
        rules: list[EgressRule] = []
        for entry in entries:
            try:
                rules.append(parse_rule(entry))
            except InvalidEgressEntry as error:
                self._report.host("warn", str(error))
        return tuple(rules)


def _described(call: CallContext, granted: frozenset[Capability]) -> str:
    """What a call is made with: the ids, what is granted, and the names of what is configured, never the values."""
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
    """What a host call was about, as far as it may be shown: the namespace of a record, host and path of a fetch; nothing else."""
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
