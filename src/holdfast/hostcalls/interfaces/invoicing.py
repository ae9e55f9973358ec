"""The interface `invoicing`: drafts of manual invoices."""

from __future__ import annotations

import math
from typing import Any

from holdfast.hostcalls.answers import Answer, Malformed, json_text
from holdfast.hostcalls.backend import BackendUnavailable, Reply, Service
from holdfast.hostcalls.session import Session
from holdfast.world.types import CreateManualInvoiceInput, CreateManualInvoiceResult, ManualInvoiceItemInput

NO_INSTALL = "Permission denied: install_id missing"
NOT_FINITE = "Must be a finite number"
MAX_ERROR_CHARACTERS = 500


async def create_manual_invoice(session: Session, given: CreateManualInvoiceInput) -> CreateManualInvoiceResult:
    """Creates a draft. Refusals come with the application's message and, as JSON text, its errors by field.

    A quantity or rate that is infinite or not a number is refused here: JSON cannot carry it, and no other amount may take its place.
    """
    install_id = session.call.usable_install_id
    if install_id is None:
        return _failure(NO_INSTALL)
    faults = {
        f"items[{index}].{name}": NOT_FINITE
        for index, item in enumerate(given.items)
        for name, value in (("quantity", item.quantity), ("rate", item.rate))
        if not math.isfinite(value)
    }
    if faults:
        return _failure("Validation error", json_text(faults))
    body: dict[str, Any] = {"operation": "createManualInvoice", "clientId": given.client_id, "items": [_item(item) for item in given.items]}
    body |= _present({"invoiceDate": given.invoice_date, "dueDate": given.due_date, "poNumber": given.po_number})
    try:
        reply = await session.backend.post(Service.INVOICING, install_id, body)
    except BackendUnavailable as error:
        return _failure(str(error))
    return _result(reply)


def _item(item: ManualInvoiceItemInput) -> dict[str, Any]:
    return {
        "serviceId": item.service_id,
        "quantity": item.quantity,
        "description": item.description,
        "rate": item.rate,
    } | _present(
        {
            "isDiscount": item.is_discount,
            "discountType": None if item.discount_type is None else item.discount_type.value,
            "appliesToItemId": item.applies_to_item_id,
            "appliesToServiceId": item.applies_to_service_id,
        }
    )


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is None: older applications refuse null where a field may be absent."""
    return {name: value for name, value in fields.items() if value is not None}


def _result(reply: Reply) -> CreateManualInvoiceResult:
    try:
        answer = Answer(reply.body)
        invoice = Answer(answer.value("invoice")) if isinstance(answer.value("invoice"), dict) else answer
        error, field_errors = answer.optional_text("error"), answer.field_errors()
        if not reply.ok or not answer.flag("success", False):
            return _failure(error or _in_words(reply), field_errors)
        return CreateManualInvoiceResult(
            True,
            invoice.optional_text("invoiceId"),
            invoice.optional_text("invoiceNumber"),
            invoice.optional_text("status"),
            invoice.number("subtotal"),
            invoice.number("tax"),
            invoice.number("total"),
            error,
            field_errors,
        )
    except Malformed:
        return _failure("invalid response" if reply.ok else _in_words(reply))


def _in_words(reply: Reply) -> str:
    return f"http {reply.status}: {reply.text}"[:MAX_ERROR_CHARACTERS]


def _failure(error: str, field_errors: str | None = None) -> CreateManualInvoiceResult:
    return CreateManualInvoiceResult(False, None, None, None, None, None, None, error, field_errors)
