"""Every function of the world in five situations: the input, and what a guest gets. Both languages get the same.

A value of the guest is compared as it is; a mapping is compared by the keys that it has here; a function is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hostcalls.guests.running_stack import CLIENT, SERVICE
from tests.records.databases import OTHER_TENANT, TENANT

Expected = Any
WRONG_TYPE = {"error": "TypeError"}
"""The SDK refuses the input before the host is called: it would end the call without a chance to catch it."""
ITEM = {"serviceId": SERVICE, "quantity": 2, "description": "work", "rate": 5_000}
SETTINGS = {"limit": 25, "isOn": False, "name": "7"}
QUOTA = "quota of host calls exceeded"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One function. `bad` are further inputs with what they get; functions without input have none.

    `down` is what the guest gets when nothing behind the runner answers: the same as ever where the function needs nothing there.
    `given_down` is the input then, where it is another one.
    """

    function: str
    given: Mapping[str, Any] = field(default_factory=dict)
    granted: Expected
    denied: Expected
    over_quota: Expected
    bad: tuple[tuple[Mapping[str, Any], Expected], ...] = ()
    down: Expected
    given_down: Mapping[str, Any] | None = None


def _ok(value: Expected) -> Expected:
    return {"ok": value}


def _error(code: str) -> Expected:
    return {"error": code}


def _failed(error: str, **fields: Any) -> Expected:
    return _ok({"success": False, "error": error} | fields)


def _field_error(name: str) -> Callable[[Any], bool]:
    return lambda answer: answer["ok"]["success"] is False and [*answer["ok"]["fieldErrors"]] == [name]


def _context(tenant_id: str) -> Expected:
    return _ok({"tenantId": tenant_id, "config": SETTINGS})


_INTERNAL = _error("internal")
_NO_ACCESS = _error("not-allowed")
_UNREACHABLE = "transport failure (NotSent)"
_INVOICE_DENIED = "Permission denied: cap:invoice.manual.create not granted"
_SCHEDULES_DENIED = "Permission denied: cap:scheduler.manage not granted"


def _logging(level: str) -> Case:
    """Always granted, and never a reason to fail: a line that cannot be written is dropped."""
    nothing = _ok(None)
    return Case(
        function=f"logging.log-{level}",
        given={"message": "hello", "fields": {"n": 1}},
        granted=nothing,
        denied=nothing,
        over_quota=nothing,
        bad=(({"message": 5}, nothing), ({"message": "x" * 100_000}, nothing)),
        down=nothing,
    )


def _user(function: str) -> Case:
    """Always granted; the user came with the call."""
    known = _ok("Ada Lovelace")
    return Case(function=function, granted=known, denied=known, over_quota=_error("not-available"), down=known)


CASES = (
    # Always granted. The quota does not matter: the context came with the call.
    Case(
        function="context.get-context",
        granted=_context(TENANT),
        denied=_context(OTHER_TENANT),
        over_quota=_context(TENANT),
        down=_context(TENANT),
    ),
    Case(
        function="secrets.get",
        given={"key": "token"},
        granted=_ok("secret of 1"),
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(({"key": "unknown"}, _error("missing")), ({"key": ""}, _error("missing")), ({"key": 5}, WRONG_TYPE)),
        down=_ok("secret of 1"),
    ),
    Case(function="secrets.list-keys", granted=_ok(["token"]), denied=_ok([]), over_quota=_ok([]), down=_ok(["token"])),
    Case(
        function="http.fetch",
        given={"url": "{target}"},
        granted=_ok("fetched"),
        denied=_NO_ACCESS,
        over_quota=_NO_ACCESS,
        bad=(
            ({"url": "not a url"}, _error("invalid-url")),
            ({"url": "https://undeclared.example/"}, _NO_ACCESS),
            ({"url": 5}, WRONG_TYPE),
        ),
        down=_error("transport"),
        given_down={"url": "{down}"},
    ),
    Case(
        function="storage.put",
        given={"namespace": "written", "key": "a", "value": "hello"},
        granted=lambda answer: answer["ok"] >= 1,
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(
            ({"namespace": "", "key": "a", "value": "x"}, _INTERNAL),
            ({"namespace": "n" * 200, "key": "a", "value": "x"}, _INTERNAL),
            ({"namespace": "notes", "key": "big", "value": "x" * 70_000}, _INTERNAL),
            ({"namespace": "notes", "key": "a", "value": "x", "revision": 99}, _error("conflict")),
            ({"namespace": "notes", "key": "a", "value": 5}, WRONG_TYPE),
            ({"namespace": 5, "key": "a", "value": "x"}, WRONG_TYPE),
        ),
        down=_INTERNAL,
    ),
    Case(
        function="storage.get",
        given={"namespace": "notes", "key": "a"},
        granted=_ok("seed"),
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(
            ({"namespace": "notes", "key": "unknown"}, _ok(None)),
            ({"namespace": "", "key": "a"}, _INTERNAL),
            ({"namespace": "notes", "key": 5}, WRONG_TYPE),
        ),
        down=_INTERNAL,
    ),
    Case(
        function="storage.list-entries",
        given={"namespace": "notes"},
        granted=_ok(["a"]),
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(({"namespace": "unknown"}, _ok([])), ({"namespace": ""}, _INTERNAL), ({"namespace": 5}, WRONG_TYPE)),
        down=_INTERNAL,
    ),
    Case(
        function="storage.delete",
        given={"namespace": "written", "key": "a"},
        granted=_ok(None),
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(
            ({"namespace": "notes", "key": "unknown"}, _ok(None)),
            ({"namespace": "", "key": "a"}, _INTERNAL),
            ({"namespace": "notes", "key": 5}, WRONG_TYPE),
        ),
        down=_INTERNAL,
    ),
    _logging("info"),
    _logging("warn"),
    _logging("error"),
    Case(
        function="ui-proxy.call-route",
        given={"route": "/api/v1/quotas"},
        granted=_ok(["quotas"]),
        denied=_error("denied"),
        over_quota=_INTERNAL,
        bad=(
            ({"route": ""}, _error("bad-request")),
            ({"route": "/api/../x"}, _error("bad-request")),
            ({"route": "/api/v1/extensions"}, _error("denied")),
            ({"route": "/api/v1/quotas", "payload": "{}"}, _error("denied")),
            ({"route": "/api/internal/ext-storage"}, _error("denied")),
            ({"route": "/api/v1/nothing-here"}, _error("route-not-found")),
            ({"route": "/own"}, _error("route-not-found")),
            ({"route": 5}, WRONG_TYPE),
        ),
        down=_INTERNAL,
    ),
    _user("user.get-user"),
    _user("user-v2.get-user"),
    Case(
        function="scheduler.create-schedule",
        given={"endpoint": "POST /daily", "cron": "0 9 * * *", "timezone": "Europe/Berlin", "payload": {"a": 1}},
        granted=lambda answer: answer["ok"]["success"] is True and len(answer["ok"]["scheduleId"]) == 36,
        denied=_failed(_SCHEDULES_DENIED),
        over_quota=_failed(QUOTA),
        bad=(
            ({"endpoint": "POST /daily", "cron": "no"}, _field_error("cron")),
            ({"endpoint": "POST /nothing", "cron": "0 9 * * *"}, _field_error("endpoint")),
            ({"endpoint": "POST /daily", "cron": "0 9 * * *", "timezone": "Mars/Base"}, _field_error("timezone")),
            ({"endpoint": 5, "cron": "0 9 * * *"}, WRONG_TYPE),
        ),
        down=_failed(f"internal: {_UNREACHABLE}"),
    ),
    Case(
        function="scheduler.get-schedule",
        given={"id": "{schedule}"},
        granted=_ok("0 9 * * *"),
        denied=_error("denied"),
        over_quota=_error("quota-exceeded"),
        bad=(({"id": "nothing"}, _ok(None)), ({"id": 5}, WRONG_TYPE)),
        down=_INTERNAL,
    ),
    Case(
        function="scheduler.list-schedules",
        granted=lambda answer: answer["ok"] >= 0,
        denied=_error("denied"),
        over_quota=_error("quota-exceeded"),
        down=_INTERNAL,
    ),
    Case(
        function="scheduler.update-schedule",
        given={"id": "{schedule}", "cron": "0 8 * * *"},
        granted=_ok({"success": True}),
        denied=_failed(_SCHEDULES_DENIED),
        over_quota=_failed(QUOTA),
        bad=(
            ({"id": "nothing", "cron": "0 8 * * *"}, _failed("Schedule not found.")),
            ({"id": "{schedule}", "cron": "no"}, _field_error("cron")),
            ({"id": "{schedule}", "enabled": "yes"}, WRONG_TYPE),
        ),
        down=_failed(f"internal: {_UNREACHABLE}"),
    ),
    Case(
        function="scheduler.delete-schedule",
        given={"id": "{schedule}"},
        granted=_ok({"success": True}),
        denied=_failed(_SCHEDULES_DENIED),
        over_quota=_failed(QUOTA),
        bad=(({"id": "nothing"}, _failed("Schedule not found.")), ({"id": 5}, WRONG_TYPE)),
        down=_failed(f"internal: {_UNREACHABLE}"),
    ),
    Case(
        function="scheduler.get-endpoints",
        granted=_ok(["/:function", "/daily"]),
        denied=_error("denied"),
        over_quota=_error("quota-exceeded"),
        down=_INTERNAL,
    ),
    Case(
        function="invoicing.create-manual-invoice",
        given={"clientId": CLIENT, "items": [ITEM]},
        granted=_ok({"success": True, "total": 10_000}),
        denied=_failed(_INVOICE_DENIED),
        over_quota=_failed(QUOTA),
        bad=(
            ({"clientId": "nothing", "items": [ITEM]}, _field_error("clientId")),
            ({"clientId": CLIENT, "items": []}, _field_error("items")),
            ({"clientId": 5, "items": [ITEM]}, WRONG_TYPE),
            ({"clientId": CLIENT, "items": [ITEM | {"quantity": "two"}]}, WRONG_TYPE),
        ),
        down=_failed(_UNREACHABLE),
    ),
    Case(
        function="clients.list-clients",
        given={"search": "ACME"},
        granted=_ok(["Acme of 1"]),
        denied=_NO_ACCESS,
        over_quota=_INTERNAL,
        bad=(
            ({"page": 0}, _error("invalid-input")),
            ({"pageSize": 101}, _error("invalid-input")),
            ({"search": "%"}, _ok([])),
            ({"page": -1}, WRONG_TYPE),
            ({"search": 5}, WRONG_TYPE),
        ),
        down=_INTERNAL,
    ),
    Case(
        function="clients.get-client",
        given={"id": CLIENT},
        granted=_ok("Acme of 1"),
        denied=_NO_ACCESS,
        over_quota=_INTERNAL,
        bad=(({"id": SERVICE}, _ok(None)), ({"id": "nothing"}, _error("invalid-input")), ({"id": 5}, WRONG_TYPE)),
        down=_INTERNAL,
    ),
    Case(
        function="services.list-services",
        granted=_ok(["Support of 1"]),
        denied=_NO_ACCESS,
        over_quota=_INTERNAL,
        bad=(
            ({"pageSize": 101}, _error("invalid-input")),
            ({"itemKind": "thing"}, WRONG_TYPE),
            ({"search": "_"}, _ok([])),
        ),
        down=_INTERNAL,
    ),
    Case(
        function="services.get-service",
        given={"id": SERVICE},
        granted=_ok("Support of 1"),
        denied=_NO_ACCESS,
        over_quota=_INTERNAL,
        bad=(({"id": CLIENT}, _ok(None)), ({"id": "nothing"}, _error("invalid-input")), ({"id": 5}, WRONG_TYPE)),
        down=_INTERNAL,
    ),
)


def fits(answer: Any, expected: Expected) -> bool:
    """Whether the guest got what the table says."""
    if callable(expected):
        return bool(expected(answer))
    if isinstance(expected, Mapping):
        return isinstance(answer, Mapping) and all(name in answer and fits(answer[name], value) for name, value in expected.items())
    # True is not 1, and 10000.0 is 10000.
    return isinstance(answer, bool) is isinstance(expected, bool) and bool(answer == expected)
