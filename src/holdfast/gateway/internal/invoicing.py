"""`POST /api/internal/ext-invoicing/install/{install id}`: draft invoices, for the runner on behalf of a call.

A failure is `{success: false, error, fieldErrors}`: that is what the runner passes on to the guest.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.call_headers import IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_KEY_MAX_LENGTH
from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError, enabled_install
from holdfast.gateway.internal.callers import check_caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.billing.invoices.drafts import Creator, create_draft
from holdfast.records.billing.invoices.errors import invalid_invoice
from holdfast.records.billing.invoices.request import read_draft_request
from holdfast.registry.installs.call_context import InstallContext
from holdfast.world.capabilities import Capability

BODY_LIMIT = 1024 * 1024
INVOICE_CREATE = "invoice:create"
OPERATION = "createManualInvoice"

_log = structlog.get_logger(__name__)


async def use_invoicing(services: Services, request: Request) -> Response:
    """Creates a draft. Responds with 201 also when an earlier request with the same idempotency key created it."""
    try:
        return await _run(services, request)
    except InternalApiError as error:
        if error.code == "NOT_ALLOWED":
            return json_response({"success": False, "error": error.message, "code": error.code}, error.status)
        return json_response({"error": error.message, "code": error.code}, error.status)
    except HoldfastError as error:
        failure: dict[str, Any] = {"success": False, "error": error.message}
        if error.details is not None:
            failure["fieldErrors"] = error.details
        return json_response(failure, error.status)


async def _run(services: Services, request: Request) -> Response:
    if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
        raise InternalApiError("UNAUTHORIZED", "Invalid runner token")
    body = await _body(request)
    if body.get("operation") != OPERATION:
        return json_response({"error": "Unsupported operation"}, 400)
    install = await enabled_install(services, request)
    # The runner has checked the capability too. The invoices are here, so the check is repeated here.
    if Capability.INVOICE_MANUAL_CREATE not in install.providers:
        raise InternalApiError("NOT_ALLOWED", f"Permission denied: {Capability.INVOICE_MANUAL_CREATE} not granted")
    await check_caller(services, request, install, INVOICE_CREATE)
    invoice = await create_draft(services.db, _creator(request, install), read_draft_request(body), now=services.now())
    _log.info("invoice_created", tenant=install.tenant_id, install=install.install_id, invoice=invoice.invoice_id)
    return json_response({"success": True, "invoice": msgspec.to_builtins(invoice)}, 201)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = decode_json(await read_body(request, BODY_LIMIT), object)
    except InvalidRequest as error:
        raise invalid_invoice("Invalid request body", {"body": "Expected JSON object"}) from error
    if not isinstance(body, dict):
        raise invalid_invoice("Invalid request body", {"body": "Expected JSON object"})
    return body


def _creator(request: Request, install: InstallContext) -> Creator:
    key = request.headers.get(IDEMPOTENCY_KEY_HEADER, "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX_LENGTH:
        raise invalid_invoice("Validation error", {IDEMPOTENCY_KEY_HEADER: "Too long"})
    return Creator(tenant_id=install.tenant_id, install_id=install.install_id, idempotency_key=key or None)
