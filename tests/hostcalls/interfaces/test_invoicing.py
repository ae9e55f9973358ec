"""The interface `invoicing`."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from starlette.responses import Response

from holdfast.hostcalls import CallUser, HttpBackend
from holdfast.world.types import CreateManualInvoiceInput, CreateManualInvoiceResult, DiscountType, ManualInvoiceItemInput
from tests.events.recording_server import RecordingServer, free_port
from tests.hostcalls.calling import INSTALL, Caller

INVOICE = {"invoiceId": "i-1", "invoiceNumber": "INV-7", "status": "draft", "subtotal": 100, "tax": 19.5, "total": 119.5}
DONE = CreateManualInvoiceResult(True, "i-1", "INV-7", "draft", 100.0, 19.5, 119.5, None, None)


def item(quantity: float = 2, rate: float = 50, **fields: Any) -> ManualInvoiceItemInput:
    options = {"is_discount": None, "discount_type": None, "applies_to_item_id": None, "applies_to_service_id": None}
    return ManualInvoiceItemInput(service_id="s-1", quantity=quantity, description="work", rate=rate, **(options | fields))


def invoice(*items: ManualInvoiceItemInput, **fields: Any) -> CreateManualInvoiceInput:
    return CreateManualInvoiceInput("c-1", list(items), fields.get("invoice_date"), fields.get("due_date"), fields.get("po_number"))


async def create(backend: HttpBackend, given: CreateManualInvoiceInput, **fields: Any) -> CreateManualInvoiceResult:
    result = await Caller(backend=backend, **fields).call("invoicing.create-manual-invoice", given)
    assert isinstance(result, CreateManualInvoiceResult)
    return result


@pytest.mark.parametrize("body", [{"success": True, "invoice": INVOICE}, {"success": True, **INVOICE}])
async def test_a_draft_is_created_and_both_response_formats_are_read(application: RecordingServer, backend: HttpBackend, body: Any) -> None:
    application.reply(body, 201)
    assert await create(backend, invoice(item())) == DONE
    (request,) = application.requests
    assert request.path == f"/api/internal/ext-invoicing/install/{INSTALL}"
    assert request.json == {
        "operation": "createManualInvoice",
        "clientId": "c-1",
        "items": [{"serviceId": "s-1", "quantity": 2.0, "description": "work", "rate": 50.0}],
    }


async def test_only_fields_with_a_value_are_sent(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"success": True, "invoice": INVOICE}, 201)
    discount = item(1, 10, is_discount=True, discount_type=DiscountType.PERCENTAGE, applies_to_service_id="s-2")
    await create(backend, invoice(discount, invoice_date="2030-01-01", due_date="2030-02-01", po_number="PO"))
    body = application.requests[0].json
    assert (body["invoiceDate"], body["dueDate"], body["poNumber"]) == ("2030-01-01", "2030-02-01", "PO")
    assert body["items"][0] == {
        "serviceId": "s-1",
        "quantity": 1.0,
        "description": "work",
        "rate": 10.0,
        "isDiscount": True,
        "discountType": "percentage",
        "appliesToServiceId": "s-2",
    }


async def test_field_errors_reach_the_guest(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"success": False, "error": "Validation error", "fieldErrors": {"clientId": "Invalid UUID"}}, 400)
    result = await create(backend, invoice(item()))
    assert (result.success, result.error, result.field_errors) == (False, "Validation error", '{"clientId":"Invalid UUID"}')


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf])
async def test_an_amount_that_is_not_finite_is_rejected(application: RecordingServer, backend: HttpBackend, amount: float) -> None:
    result = await create(backend, invoice(item(), item(quantity=amount, rate=amount)))
    assert not result.success
    assert json.loads(result.field_errors or "") == {
        "items[1].quantity": "Must be a finite number",
        "items[1].rate": "Must be a finite number",
    }
    assert application.requests == []


async def test_a_response_that_is_not_json_is_reported_by_status_and_first_characters(
    application: RecordingServer, backend: HttpBackend
) -> None:
    application.answer = lambda _: Response("<html>" + "x" * 5_000, status_code=502)
    result = await create(backend, invoice(item()))
    assert (result.error or "").startswith("http 502: <html>xxx")
    assert len(result.error or "") == 500


async def test_a_repeated_call_sends_the_same_keys_and_says_on_whose_behalf(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"success": True, "invoice": INVOICE}, 201)
    user = CallUser(user_id="u-1", user_email="", user_name="", user_type="internal")

    async def keys(*repeatable_as: str, **fields: Any) -> list[str | None]:
        application.requests.clear()
        caller = Caller(backend=backend, repeatable_as=repeatable_as, **fields)
        for _ in range(2):
            await caller.call("invoicing.create-manual-invoice", invoice(item()))
        return [request.header("x-idempotency-key") for request in application.requests]

    first, second = await keys("u-1", "POST", "/bill", "k", user=user)
    assert first is not None and first != second and len(first) <= 128
    assert application.requests[0].header("x-holdfast-user-id") == "u-1"
    assert await keys("u-1", "POST", "/bill", "k", schedule_id="s-1") == [first, second]
    assert application.requests[0].header("x-holdfast-schedule-id") == "s-1"
    assert set(await keys("u-2", "POST", "/bill", "k")) & {first, second} == set()
    assert await keys() == [None, None]
    assert application.requests[0].header("x-holdfast-user-id") is None


async def test_a_guest_that_tries_again_without_knowing_the_outcome_sends_the_same_key(
    application: RecordingServer, backend: HttpBackend
) -> None:
    caller = Caller(backend=backend, repeatable_as=("k",))
    for status, given in ((503, item()), (201, item()), (201, item()), (400, item(3)), (201, item(3))):
        application.reply({"success": status == 201, "invoice": INVOICE}, status)
        await caller.call("invoicing.create-manual-invoice", invoice(given))
    numbers = [(request.header("x-idempotency-key") or "").rpartition(".")[2] for request in application.requests]
    assert numbers == ["1", "1", "2", "3", "4"]


@pytest.mark.parametrize("body", [[], "text", None, {"success": True, "total": "much"}, {"success": "yes"}])
async def test_a_malformed_success_is_an_invalid_response(application: RecordingServer, backend: HttpBackend, body: Any) -> None:
    application.reply(body)
    result = await create(backend, invoice(item()))
    assert (result.success, result.error) == (False, "invalid response")


async def test_a_response_without_success_is_a_failure(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"invoice": INVOICE})
    assert not (await create(backend, invoice(item()))).success


async def test_a_call_without_an_install_is_denied(application: RecordingServer, backend: HttpBackend) -> None:
    result = await create(backend, invoice(item()), install_id=None)
    assert (result.success, result.error) == (False, "Permission denied: install_id missing")
    assert application.requests == []


async def test_an_unavailable_application_is_a_failure() -> None:
    backend = HttpBackend(f"http://127.0.0.1:{free_port()}", "t")
    assert ((await create(backend, invoice(item()))).error or "").startswith("transport failure")
    await backend.close()
