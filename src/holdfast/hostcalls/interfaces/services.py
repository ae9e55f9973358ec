"""The interface `services`: the tenant's services and products, to read."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from holdfast.hostcalls.answers import Answer, Malformed, reading
from holdfast.hostcalls.backend import Service
from holdfast.hostcalls.interfaces.record_values import Cases, ask, page_fields, page_numbers
from holdfast.hostcalls.session import Session
from holdfast.world.types import (
    ServiceBillingMethod,
    ServiceItemKind,
    ServiceReadError,
    ServicesListInput,
    ServicesListResult,
    ServiceSummary,
)

_CASES = Cases(not_allowed=ServiceReadError.NOT_ALLOWED, invalid_input=ServiceReadError.INVALID_INPUT, internal=ServiceReadError.INTERNAL)

_Case = TypeVar("_Case", bound=StrEnum)


def _case(answer: Answer, name: str, cases: type[_Case]) -> _Case:
    try:
        return cases(answer.text(name))
    except ValueError:
        raise Malformed(f"{name} is not one of {', '.join(cases)}") from None


def _service(value: object) -> ServiceSummary:
    answer = Answer(value)
    return ServiceSummary(
        answer.text("serviceId"),
        answer.text("serviceName"),
        _case(answer, "itemKind", ServiceItemKind),
        _case(answer, "billingMethod", ServiceBillingMethod),
        answer.optional_text("serviceTypeId"),
        answer.optional_text("serviceTypeName"),
        answer.number("defaultRate") or 0.0,
        answer.optional_text("unitOfMeasure") or "",
        answer.flag("isActive", True),
        answer.optional_text("sku"),
    )


async def list_services(session: Session, given: ServicesListInput) -> ServicesListResult:
    """One page of services. A page with a record that cannot be read is refused whole."""
    fields = {
        "search": given.search,
        "itemKind": None if given.item_kind is None else given.item_kind.value,
        "isActive": given.is_active,
        "billingMethod": None if given.billing_method is None else given.billing_method.value,
        **page_fields(given.page, given.page_size, _CASES),
    }
    answer = await ask(session, Service.SERVICES, "list", fields, _CASES)
    with reading(ServiceReadError.INTERNAL):
        return ServicesListResult([_service(item) for item in answer.items("items")], *page_numbers(answer))


async def get_service(session: Session, service_id: str) -> ServiceSummary | None:
    """One service, or None when there is none."""
    answer = await ask(session, Service.SERVICES, "get", {"serviceId": service_id}, _CASES)
    with reading(ServiceReadError.INTERNAL):
        if not answer.has("item"):
            raise Malformed("item is missing")
        return None if answer.value("item") is None else _service(answer.value("item"))
