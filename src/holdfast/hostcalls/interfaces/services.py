"""The interface `services`: reads the tenant's services and products."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from holdfast.hostcalls.application.backend import Service
from holdfast.hostcalls.application.response import MalformedResponse, ResponseObject, malformed_as
from holdfast.hostcalls.interfaces.record_pages import ErrorCases, page_fields, page_numbers, request_records
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import (
    ServiceBillingMethod,
    ServiceItemKind,
    ServiceReadError,
    ServicesListInput,
    ServicesListResult,
    ServiceSummary,
)

_CASES = ErrorCases(
    not_allowed=ServiceReadError.NOT_ALLOWED, invalid_input=ServiceReadError.INVALID_INPUT, internal=ServiceReadError.INTERNAL
)

_Case = TypeVar("_Case", bound=StrEnum)


def _case(record: ResponseObject, name: str, cases: type[_Case]) -> _Case:
    try:
        return cases(record.text(name))
    except ValueError:
        raise MalformedResponse(f"{name} is not one of {', '.join(cases)}") from None


def _service(value: object) -> ServiceSummary:
    record = ResponseObject(value)
    return ServiceSummary(
        record.text("serviceId"),
        record.text("serviceName"),
        _case(record, "itemKind", ServiceItemKind),
        _case(record, "billingMethod", ServiceBillingMethod),
        record.optional_text("serviceTypeId"),
        record.optional_text("serviceTypeName"),
        record.number("defaultRate") or 0.0,
        record.optional_text("unitOfMeasure") or "",
        record.flag("isActive", True),
        record.optional_text("sku"),
    )


async def list_services(session: Session, params: ServicesListInput) -> ServicesListResult:
    """One page of services. Raises `internal` if one record of it is malformed."""
    fields = {
        "search": params.search,
        "itemKind": None if params.item_kind is None else params.item_kind.value,
        "isActive": params.is_active,
        "billingMethod": None if params.billing_method is None else params.billing_method.value,
        **page_fields(params.page, params.page_size, _CASES),
    }
    response = await request_records(session, Service.SERVICES, "list", fields, _CASES)
    with malformed_as(ServiceReadError.INTERNAL):
        return ServicesListResult([_service(item) for item in response.items("items")], *page_numbers(response))


async def get_service(session: Session, service_id: str) -> ServiceSummary | None:
    """One service, or None if there is no service with this id."""
    response = await request_records(session, Service.SERVICES, "get", {"serviceId": service_id}, _CASES)
    with malformed_as(ServiceReadError.INTERNAL):
        if not response.has("item"):
            raise MalformedResponse("item is missing")
        return None if response.value("item") is None else _service(response.value("item"))
