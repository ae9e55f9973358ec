"""Validates a request for a draft invoice: every field that is wrong is named, with the messages of the existing platform.

JSON null is the same as an absent field.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from holdfast.records.billing.invoices.errors import invalid_invoice
from holdfast.records.database.uuids import as_uuid

MAX_ITEMS = 500
MAX_DESCRIPTION_LENGTH = 500
MAX_PO_NUMBER_LENGTH = 128
MAX_AMOUNT = 2**53 - 1
"""What guests, whose numbers are floating-point numbers, receive exactly."""

REQUIRED = "Required"
TOO_LONG = "Too long"
TOO_LARGE = "Too large"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class DraftItem(Struct, frozen=True, kw_only=True):
    """A line. `rate` is whole minor units, of a percentage discount the percentage as it was given; `quantity` is above zero.

    A discount applies to the items with the id or of the service that it names, and without either to all items.
    """

    service_id: str
    quantity: Decimal
    rate: Decimal
    description: str
    item_id: str | None = None
    discount: Literal["percentage", "fixed"] | None = None
    applies_to_item_id: str | None = None
    applies_to_service_id: str | None = None

    @property
    def amount(self) -> int:
        """Quantity times rate, in whole minor units."""
        return whole(self.quantity * self.rate)


class DraftRequest(Struct, frozen=True, kw_only=True):
    """What to create. None: the date is today, or for `due_date` that of the invoice."""

    client_id: str
    items: list[DraftItem]
    invoice_date: date | None = None
    due_date: date | None = None
    po_number: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the request in hex. Two spellings of the same request have the same."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def whole(amount: Decimal) -> int:
    """An amount rounded to whole minor units, halves up."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def read_draft_request(body: object) -> DraftRequest:
    """The request that a JSON value states. Raises InvoiceError (`invoice_invalid`) with all its wrong fields."""
    if not isinstance(body, dict):
        raise invalid_invoice("Invalid request body", {"body": "Expected JSON object"})
    fields = _Fields(body, "", {})
    client_id = fields.uuid("clientId", required=True)
    items = _items(fields)
    invoice_date, due_date = fields.day("invoiceDate"), fields.day("dueDate")
    po_number = fields.text("poNumber", MAX_PO_NUMBER_LENGTH)
    if fields.errors:
        raise invalid_invoice("Validation error", fields.errors)
    return DraftRequest(client_id=client_id, items=items, invoice_date=invoice_date, due_date=due_date, po_number=po_number or None)


def _items(fields: _Fields) -> list[DraftItem]:
    given = fields.value("items")
    if not isinstance(given, list):
        fields.fail("items", REQUIRED if given is None else "Expected a list")
        return []
    if not given:
        fields.fail("items", "Must include at least one item")
    if len(given) > MAX_ITEMS:
        fields.fail("items", f"Must include at most {MAX_ITEMS} items")
        return []
    items = [_item(item, f"items[{index}]", fields) for index, item in enumerate(given)]
    return [item for item in items if item is not None]


def _item(value: object, path: str, parent: _Fields) -> DraftItem | None:
    if not isinstance(value, dict):
        parent.fail(path, "Expected JSON object")
        return None
    fields = _Fields(value, f"{path}.", parent.errors)
    is_discount = fields.flag("isDiscount")
    discount = _discount(fields, is_discount)
    applies = {name: fields.uuid(name) or None for name in ("appliesToItemId", "appliesToServiceId")}
    if not is_discount:
        for name in (name for name in applies if fields.value(name) is not None):
            fields.fail(name, "appliesTo* fields require isDiscount=true")
    elif all(applies.values()):
        fields.fail("appliesToServiceId", "Only one of appliesToItemId and appliesToServiceId is allowed")
    item = DraftItem(
        service_id=fields.uuid("serviceId", required=True),
        quantity=_quantity(fields),
        rate=_rate(fields, discount),
        description=fields.text("description", MAX_DESCRIPTION_LENGTH, required=True),
        item_id=fields.uuid("itemId") or None,
        discount=discount,
        applies_to_item_id=applies["appliesToItemId"],
        applies_to_service_id=applies["appliesToServiceId"],
    )
    if max(item.quantity, item.rate) > MAX_AMOUNT or item.quantity * item.rate > MAX_AMOUNT:
        fields.fail("rate", TOO_LARGE)
    return item


def _discount(fields: _Fields, is_discount: bool) -> Literal["percentage", "fixed"] | None:
    given = fields.value("discountType")
    if given is None:
        if is_discount:
            fields.fail("discountType", "Required when isDiscount=true")
    elif given not in ("percentage", "fixed"):
        fields.fail("discountType", "Expected percentage or fixed")
    elif not is_discount:
        fields.fail("discountType", "Not allowed unless isDiscount=true")
    else:
        return "percentage" if given == "percentage" else "fixed"
    return None


def _quantity(fields: _Fields) -> Decimal:
    quantity = fields.number("quantity")
    if quantity is not None and quantity <= 0:
        fields.fail("quantity", "Must be > 0")
    return quantity or Decimal(1)


def _rate(fields: _Fields, discount: str | None) -> Decimal:
    rate = fields.number("rate")
    if rate is None:
        return Decimal(0)
    if rate < 0:
        fields.fail("rate", "Must be >= 0")
    elif discount == "percentage":
        if rate > 100:
            fields.fail("rate", "Must be between 0 and 100")
        return rate
    elif rate > MAX_AMOUNT:
        return rate
    return Decimal(whole(rate))


class _Fields:
    """The fields of one object. Methods record what is wrong, and then return a value of the right type that no one uses."""

    def __init__(self, values: dict[str, Any], prefix: str, errors: dict[str, str]) -> None:
        self._values = values
        self._prefix = prefix
        self.errors = errors

    def value(self, name: str) -> Any:
        return self._values.get(name)

    def fail(self, name: str, message: str) -> None:
        self.errors.setdefault(f"{self._prefix}{name}", message)

    def uuid(self, name: str, *, required: bool = False) -> str:
        """A UUID in canonical form; an empty string when it is absent."""
        value = self._values.get(name)
        known = as_uuid(value) if isinstance(value, str) else None
        if value is None:
            if required:
                self.fail(name, REQUIRED)
        elif known is None:
            self.fail(name, "Invalid UUID")
        return known or ""

    def text(self, name: str, limit: int, *, required: bool = False) -> str:
        value = self._values.get(name)
        if value is None or (required and value == ""):
            if required:
                self.fail(name, REQUIRED)
            return ""
        if not isinstance(value, str):
            self.fail(name, "Expected string")
            return ""
        if len(value) > limit:
            self.fail(name, TOO_LONG)
        return value

    def number(self, name: str) -> Decimal | None:
        value = self._values.get(name)
        if value is None:
            self.fail(name, REQUIRED)
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(name, "Expected number")
            return None
        if abs(value) > MAX_AMOUNT:
            self.fail(name, TOO_LARGE)
            return None
        # The shortest text of a float is what its sender wrote: 0.1 and not 0.1000000000000000055.
        return Decimal(repr(value)).normalize()

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if value in (None, False, "false", "0", ""):
            return False
        if value in (True, "true", "1"):
            return True
        self.fail(name, "Expected boolean")
        return False

    def day(self, name: str) -> date | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.fail(name, "Invalid date (expected YYYY-MM-DD)")
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(name, "Invalid date (no such day)")
            return None
