"""The interface `services`."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.hostcalls import HttpBackend
from holdfast.world.types import (
    ServiceBillingMethod,
    ServiceItemKind,
    ServiceReadError,
    ServicesListInput,
    ServicesListResult,
    ServiceSummary,
)
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import INSTALL, Caller

SERVICE: dict[str, Any] = {
    "serviceId": "s-1",
    "serviceName": "Support",
    "itemKind": "service",
    "billingMethod": "hourly",
    "serviceTypeId": None,
    "defaultRate": 80,
    "unitOfMeasure": "h",
    "isActive": False,
    "sku": "SUP",
}
SUMMARY = ServiceSummary("s-1", "Support", ServiceItemKind.SERVICE, ServiceBillingMethod.HOURLY, None, None, 80.0, "h", False, "SUP")
ANY = ServicesListInput(None, None, None, None, None, None)


@pytest.fixture
def caller(backend: HttpBackend) -> Caller:
    return Caller(backend=backend)


async def test_a_page_of_services_is_read_with_its_filters(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": [SERVICE], "totalCount": 1, "page": 1, "pageSize": 10})
    given = ServicesListInput("sup", ServiceItemKind.PRODUCT, True, ServiceBillingMethod.USAGE, None, 10)
    assert await caller.call("services.list-services", given) == ServicesListResult([SUMMARY], 1, 1, 10)
    (request,) = application.requests
    assert request.path == f"/api/internal/ext-services/install/{INSTALL}"
    assert request.json == {
        "operation": "list",
        "input": {"search": "sup", "itemKind": "product", "isActive": True, "billingMethod": "usage", "page": 1, "pageSize": 10},
    }


async def test_absent_fields_have_defaults(application: RecordingServer, caller: Caller) -> None:
    short = {"serviceId": "s", "serviceName": "n", "itemKind": "product", "billingMethod": "fixed"}
    application.reply({"item": short})
    assert await caller.call("services.get-service", "s") == ServiceSummary(
        "s", "n", ServiceItemKind.PRODUCT, ServiceBillingMethod.FIXED, None, None, 0.0, "", True, None
    )
    assert application.requests[0].json == {"operation": "get", "input": {"serviceId": "s"}}


@pytest.mark.parametrize("fault", [{"itemKind": "unsupported"}, {"billingMethod": "bogus"}, {"defaultRate": "80"}, {"serviceName": None}])
async def test_one_malformed_service_fails_the_page_and_the_item(application: RecordingServer, caller: Caller, fault: Any) -> None:
    application.reply({"items": [SERVICE, SERVICE | fault], "item": SERVICE | fault})
    assert await caller.error_case("services.list-services", ANY) is ServiceReadError.INTERNAL
    assert await caller.error_case("services.get-service", "s") is ServiceReadError.INTERNAL


async def test_a_missing_service_is_none_and_a_missing_item_is_internal(application: RecordingServer, caller: Caller) -> None:
    application.reply({"item": None})
    assert await caller.call("services.get-service", "s") is None
    application.reply({})
    assert await caller.error_case("services.get-service", "s") is ServiceReadError.INTERNAL


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (400, ServiceReadError.INVALID_INPUT),
        (401, ServiceReadError.NOT_ALLOWED),
        (403, ServiceReadError.NOT_ALLOWED),
        (404, ServiceReadError.INTERNAL),
    ],
)
async def test_each_status_becomes_its_error_case(
    application: RecordingServer, caller: Caller, status: int, case: ServiceReadError
) -> None:
    application.reply({"error": "no"}, status)
    assert await caller.error_case("services.list-services", ANY) is case


async def test_a_page_out_of_range_is_invalid_without_a_request(application: RecordingServer, caller: Caller) -> None:
    assert (
        await caller.error_case("services.list-services", ServicesListInput(None, None, None, None, 0, None))
        is ServiceReadError.INVALID_INPUT
    )
    assert application.requests == []


async def test_a_call_without_an_install_is_not_allowed(backend: HttpBackend) -> None:
    assert await Caller(backend=backend, install_id=None).error_case("services.list-services", ANY) is ServiceReadError.NOT_ALLOWED
