"""The interface `invoicing`: creates drafts of manual invoices."""

from __future__ import annotations

import math
from typing import Any

from holdfast.hostcalls.application.backend import BackendUnavailable, Reply, Service
from holdfast.hostcalls.application.response import MalformedResponse, ResponseObject, json_text
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import CreateManualInvoiceInput, CreateManualInvoiceResult, ManualInvoiceItemInput

NO_INSTALL = "Permission denied: install_id missing"
NOT_FINITE = "Must be a finite number"
MAX_ERROR_CHARACTERS = 500


async def create_manual_invoice(session: Session, params: CreateManualInvoiceInput) -> CreateManualInvoiceResult:
    """Creates a draft. A failed result has the application's message and, as JSON text, its errors by field.

    A repeated call gets the invoice that it has created already; an application that knows no idempotency keys creates another one. Rejects
    a quantity or rate that is infinite or not a number: JSON cannot express it, and no other amount may replace it.
    """
    install_id = session.call.usable_install_id
    if install_id is None:
        return _failure(NO_INSTALL)
    errors = {
        f"items[{index}].{name}": NOT_FINITE
        for index, item in enumerate(params.items)
        for name, value in (("quantity", item.quantity), ("rate", item.rate))
        if not math.isfinite(value)
    }
    if errors:
        return _failure("Validation error", json_text(errors))
    body: dict[str, Any] = {
        "operation": "createManualInvoice",
        "clientId": params.client_id,
        "items": [_item(item) for item in params.items],
    }
    body |= _present({"invoiceDate": params.invoice_date, "dueDate": params.due_date, "poNumber": params.po_number})
    with session.invoice_keys.key(body) as key:
        try:
            reply = await session.backend.post(Service.INVOICING, install_id, body, {**session.call.headers, **key.headers})
        except BackendUnavailable as error:
            return _failure(str(error))
        key.is_settled = reply.status < 500
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
    """Leaves out None: older applications reject null where a field may be absent."""
    return {name: value for name, value in fields.items() if value is not None}


def _result(reply: Reply) -> CreateManualInvoiceResult:
    try:
        response = ResponseObject(reply.body)
        invoice = ResponseObject(response.value("invoice")) if isinstance(response.value("invoice"), dict) else response
        error, field_errors = response.optional_text("error"), response.field_errors()
        if not reply.ok or not response.flag("success", False):
            return _failure(error or _describe(reply), field_errors)
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
    except MalformedResponse:
        return _failure("invalid response" if reply.ok else _describe(reply))


def _describe(reply: Reply) -> str:
    return f"http {reply.status}: {reply.text}"[:MAX_ERROR_CHARACTERS]


def _failure(error: str, field_errors: str | None = None) -> CreateManualInvoiceResult:
    return CreateManualInvoiceResult(False, None, None, None, None, None, None, error, field_errors)
