"""Quota, capability and reporting of every host call."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.hostcalls import CallHost, HostLimits, Reply, Service
from holdfast.hostcalls.call_host import HANDLERS
from holdfast.world import types as t
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability
from holdfast.world.functions import FUNCTIONS, FUNCTIONS_BY_ID, Function, WitError
from tests.hostcalls.calling import ALL, EXTENSION, INSTALL, NO_NETWORK, TENANT, USER, Caller, ListSink, NoBackend, make_call

if TYPE_CHECKING:
    from holdfast.engine import Host

ENTRY = t.StorageEntry("ns", "k", b"v", None)
ARGS: dict[str, tuple[object, ...]] = {
    "secrets.get": ("k",),
    "http.fetch": (t.HttpRequest("GET", "https://api.example.com/v1?token=hidden", [], None),),
    "storage.get": ("ns", "k"),
    "storage.put": (ENTRY,),
    "storage.delete": ("ns", "k"),
    "storage.list-entries": ("ns", None),
    "logging.log-info": ("line",),
    "logging.log-warn": ("line",),
    "logging.log-error": ("line",),
    "ui-proxy.call-route": ("/route", None),
    "scheduler.get-schedule": ("s",),
    "scheduler.create-schedule": (t.CreateScheduleInput("/e", "0 * * * *", None, None, None, None),),
    "scheduler.update-schedule": ("s", t.UpdateScheduleInput(None, None, None, None, None, None)),
    "scheduler.delete-schedule": ("s",),
    "invoicing.create-manual-invoice": (t.CreateManualInvoiceInput("c", [], None, None, None),),
    "clients.list-clients": (t.ClientsListInput(None, None, None, None),),
    "clients.get-client": ("c",),
    "services.list-services": (t.ServicesListInput(None, None, None, None, None, None),),
    "services.get-service": ("s",),
}
DENIALS: dict[str, StrEnum] = {
    "secrets": t.SecretError.DENIED,
    "http": t.HttpError.NOT_ALLOWED,
    "storage": t.StorageError.DENIED,
    "ui-proxy": t.ProxyError.DENIED,
    "scheduler": t.SchedulerError.DENIED,
    "clients": t.ClientReadError.NOT_ALLOWED,
    "services": t.ServiceReadError.NOT_ALLOWED,
}
GUARDED = [function for function in FUNCTIONS if function.capability not in ALWAYS_GRANTED]


class BrokenBackend:
    async def post(self, service: Service, install_id: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        raise RuntimeError("wires cut")


async def value_or_case(caller: Caller, function: Function) -> object:
    try:
        return await caller.call(function.id, *ARGS.get(function.id, ()))
    except WitError as error:
        return error.case


def test_a_call_host_is_a_host_of_the_engine() -> None:
    host: Host = Caller().call_host
    assert isinstance(host, CallHost)


def test_every_function_of_the_world_has_a_handler() -> None:
    assert set(HANDLERS) == set(FUNCTIONS_BY_ID)


@pytest.mark.parametrize("function", GUARDED, ids=lambda function: function.id)
async def test_a_function_that_was_not_granted_returns_the_denial_of_the_contract(function: Function) -> None:
    caller = Caller(granted=ALL - {function.capability}, secrets={"k": "secret value"}, user=USER)
    result = await value_or_case(caller, function)
    text = f"Permission denied: {function.capability.value} not granted"
    if function.err is not None:
        assert result is DENIALS[function.interface]
    elif function.id == "secrets.list-keys":
        assert result == []
    else:
        assert (getattr(result, "success", None), getattr(result, "error", None)) == (False, text)
    (event,) = caller.sink.events
    assert (event.stream, event.level) == ("host", "warn")
    assert event.message.startswith(f"host call {function.id}")
    assert f"the install was not granted {function.capability.value}" in event.message


async def test_context_user_and_log_are_granted_to_every_call() -> None:
    caller = Caller(granted=frozenset(), user=USER)
    assert await caller.call("context.get-context") == t.ContextData("r-1", TENANT, EXTENSION, INSTALL, "v-1")
    assert (await caller.call("user.get-user")).user_id == "u-1"
    await caller.call("logging.log-info", "hello")
    assert caller.sink.messages[-1] == "hello"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.id)
async def test_a_failure_inside_the_host_never_becomes_a_trap(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> object:
        raise RuntimeError("wires cut")

    monkeypatch.setitem(HANDLERS, function.id, broken)
    caller = Caller(user=USER)
    result = await value_or_case(caller, function)
    if function.err is not None:
        assert result in (function.err("internal") if "internal" in list(function.err) else t.UserError.NOT_AVAILABLE,)
    elif hasattr(result, "success"):
        assert (result.success, getattr(result, "error", None)) == (False, "internal error of the host")
    event = caller.sink.events[-1]
    assert (event.level, event.stream) == ("error", "host")
    assert function.id in event.message
    assert "RuntimeError" in event.message
    assert "wires cut" not in event.message


async def test_arguments_of_another_type_never_become_a_trap() -> None:
    assert await Caller().error_case("storage.get", "only one") is t.StorageError.INTERNAL


async def test_a_host_call_is_reported_with_outcome_and_duration_and_without_its_arguments() -> None:
    caller = Caller(secrets={"k": "hidden"}, fetcher=None)
    await caller.call("secrets.get", "k")
    await caller.error_case("secrets.get", "other-name")
    await caller.error_case("http.fetch", *ARGS["http.fetch"])
    await caller.error_case("storage.get", "settings", "some-key")
    first, second, third, fourth = caller.sink.events
    assert (first.level, first.stream) == ("debug", "host")
    assert first.message.startswith("host call secrets.get: ok in ")
    assert first.message.endswith(" ms")
    assert second.message.startswith("host call secrets.get: missing in ")
    assert third.message.startswith("host call http.fetch (GET api.example.com/v1): not-allowed in ")
    assert "declare it under egress" in third.message and third.message.endswith(" [egress_not_granted]")
    assert fourth.message.startswith("host call storage.get (namespace settings): ")
    assert not [message for message in caller.sink.messages if "hidden" in message or "other-name" in message or "some-key" in message]


async def test_every_event_names_its_call() -> None:
    caller = Caller(content_hash="sha256:abc")
    await caller.call("context.get-context")
    (event,) = caller.sink.events
    assert (event.tenant_id, event.extension_id, event.install_id) == (TENANT, EXTENSION, INSTALL)
    assert (event.request_id, event.version_id, event.content_hash) == ("r-1", "v-1", "sha256:abc")
    assert event.ts > 1_600_000_000_000


@pytest.mark.parametrize(
    ("function_id", "expected"),
    [
        ("storage.get", t.StorageError.INTERNAL),
        ("http.fetch", t.HttpError.NOT_ALLOWED),
        ("scheduler.list-schedules", t.SchedulerError.QUOTA_EXCEEDED),
        ("secrets.list-keys", []),
    ],
)
async def test_a_call_has_a_quota_of_host_calls(function_id: str, expected: object) -> None:
    caller = Caller(limits=HostLimits(host_calls=3))
    for _ in range(3):
        await caller.call("context.get-context")
    assert await value_or_case(caller, FUNCTIONS_BY_ID[function_id]) == expected
    await value_or_case(caller, FUNCTIONS_BY_ID[function_id])
    assert len(caller.sink.events) == 4
    assert "has made 3 host calls, its limit" in caller.sink.messages[-1]


async def test_rejected_calls_count_so_that_they_cannot_flood_the_stream() -> None:
    caller = Caller(granted=frozenset(), limits=HostLimits(host_calls=5))
    for _ in range(50):
        await caller.call("secrets.list-keys")
    assert len(caller.sink.events) == 6


async def test_lines_of_the_guest_become_events_with_stream_and_level() -> None:
    caller = Caller()
    await caller.call("logging.log-info", "a")
    await caller.call("logging.log-warn", "b")
    await caller.call("logging.log-error", "c")
    caller.call_host.output("stdout", "d")
    caller.call_host.output("stderr", "e")
    assert [(event.stream, event.level, event.message) for event in caller.sink.events] == [
        ("log", "info", "a"),
        ("log", "warn", "b"),
        ("log", "error", "c"),
        ("stdout", "info", "d"),
        ("stderr", "error", "e"),
    ]


async def test_lines_above_the_limit_are_dropped_and_reported_once() -> None:
    caller = Caller(limits=HostLimits(log_lines=3))
    for number in range(3):
        caller.call_host.output("stdout", str(number))
    await caller.call("logging.log-info", "too many")
    caller.call_host.output("stderr", "too many")
    assert caller.sink.messages[:3] == ["0", "1", "2"]
    assert len(caller.sink.messages) == 4
    assert "Further lines are not shown" in caller.sink.messages[3]


async def test_a_long_line_is_truncated_between_characters_and_marked() -> None:
    caller = Caller(limits=HostLimits(event_bytes=9))
    await caller.call("logging.log-info", "é" * 10)
    (event,) = caller.sink.events
    assert (event.message, event.truncated) == ("éééé", True)


async def test_a_secret_in_a_line_is_masked() -> None:
    caller = Caller(secrets={"token": "s3cret-value", "flag": "yes"})
    caller.call_host.output("stderr", "yes: Authorization: Bearer s3cret-value")
    await caller.call("logging.log-error", "s3cret-value")
    caller.call_host.call_failed("trap", "s3cret-value", ["s3cret-value"])
    assert caller.sink.messages[0] == "yes: Authorization: Bearer [secret]"
    assert not [message for message in caller.sink.messages if "s3cret" in message]


def test_the_call_itself_is_reported() -> None:
    seconds = iter([1.0, 2.0, 2.0125])
    sink, call = ListSink(), make_call(config={"region": "eu", "base": "hidden"}, content_hash="sha256:abc")
    granted = frozenset({Capability.STORAGE_KV})
    call_host = CallHost(call, granted, NoBackend(), sink, fetcher=NO_NETWORK, clock=lambda: next(seconds))
    call_host.call_started("GET", "/list?token=hidden")
    call_host.handler_started()
    call_host.call_finished(200, 12.34)
    call_host.call_failed("deadline", "The call took too long.", ["handler@file.js:7:50", "main"])
    assert [(event.level, event.stream, event.message) for event in sink.events] == [
        ("info", "host", "call started: GET /list"),
        (
            "debug",
            "host",
            f"call context: tenant {TENANT}, extension {EXTENSION}, install {INSTALL}, version v-1, content sha256:abc; "
            "granted: cap:context.read, cap:log.emit, cap:storage.kv, cap:user.read; configuration keys: base, region",
        ),
        ("debug", "host", "handler started: GET /list, ready after 12.5 ms"),
        ("info", "host", "call finished: status 200 in 12.3 ms"),
        ("error", "host", "call failed: deadline: The call took too long.\n    at handler@file.js:7:50\n    at main"),
    ]


def test_unknown_ids_are_not_in_the_reported_context() -> None:
    caller = Caller(install_id=None, version_id=None, tenant_id="t", extension_id="e")
    caller.call_host.call_started("GET", "/")
    assert caller.sink.messages[1].startswith("call context: tenant t, extension e; granted: ")
    assert caller.sink.messages[1].endswith("; configuration keys: none")


def test_an_invalid_egress_entry_grants_nothing_and_is_reported() -> None:
    caller = Caller(egress=("https://ok.example.com", "https://bad/path"))
    (event,) = caller.sink.events
    assert event.level == "warn"
    assert "bad/path" in event.message


async def test_the_user_is_returned_with_and_without_the_later_fields() -> None:
    caller = Caller(user=USER)
    assert await caller.call("user.get-user") == t.UserData(TENANT, "Acme", "u-1", "ana@example.com", "Ana", "internal")
    assert await caller.call("user-v2.get-user") == t.UserDataV2(
        TENANT, "Acme", "u-1", "ana@example.com", "Ana", "internal", "c-1", [("a", "2"), ("z", "1")]
    )


@pytest.mark.parametrize("function_id", ["user.get-user", "user-v2.get-user"])
async def test_a_call_without_a_user_is_not_available(function_id: str) -> None:
    assert await Caller(user=None).error_case(function_id) is t.UserError.NOT_AVAILABLE


async def test_an_exception_of_the_backend_reaches_a_guest_as_internal() -> None:
    caller = Caller(backend=BrokenBackend(), granted=frozenset({Capability.STORAGE_KV}))
    assert await caller.error_case("storage.get", "ns", "k") is t.StorageError.INTERNAL
