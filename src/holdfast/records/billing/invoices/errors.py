"""Why an invoice is not created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from holdfast.errors import CodedError


class InvoiceError(CodedError):
    """Raised when an invoice is not created. `details` are the wrong fields by their paths, such as `items[0].rate`, with what is wrong."""

    STATUSES: ClassVar = {
        # Fields are wrong, or the client or a service does not exist in the tenant.
        "invoice_invalid": 400,
        # The install has created another invoice with this idempotency key.
        "idempotency_key_reused": 409,
    }


def invalid_invoice(message: str, field_errors: Mapping[str, str]) -> InvoiceError:
    """The error for wrong fields."""
    return InvoiceError("invoice_invalid", message, details=dict(field_errors))
