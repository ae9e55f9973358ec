"""The columns of each kind of record: their names in a table, the attributes of the models, and the values that they take.

A table that leaves out a column does not change it. An empty cell, or null, is no value, or the default of a column that needs one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from holdfast.records.billing.invoices.request import MAX_AMOUNT
from holdfast.records.database.uuids import as_uuid
from holdfast.records.models.billing import Service
from holdfast.records.models.users import Client, Contact

# Control characters, and halves of a character, which have no UTF-8.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MAX_EXPONENT = 18
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
PPM_OF_A_PERCENT = 10_000


class WrongValue(Exception):
    """Raised by a reader with what is wrong with a value."""


@dataclass(frozen=True)
class Column:
    """`read` turns a value of a table (text, or a JSON scalar; never empty) into that of the attribute, `write` turns it back."""

    name: str
    read: Callable[[Any], Any]
    attribute: str = ""
    default: Any = None
    required: bool = False
    write: Callable[[Any], Any] = lambda value: value

    @property
    def target(self) -> str:
        """The attribute of the model."""
        return self.attribute or self.name


@dataclass(frozen=True)
class Table:
    """A kind of record. `id` and `label` are the columns by which a row finds the record that it changes: the id, else the label."""

    singular: str
    model: Any
    id: Column
    label: Column
    more: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (self.id, self.label, *self.more)


def _text(limit: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise WrongValue("must be text")
        text = value.strip()
        if len(text) > limit:
            raise WrongValue(f"has more than {limit} characters")
        if _UNSTORABLE.search(text):
            raise WrongValue("has characters that cannot be stored")
        return text

    return read


def _uuid(value: Any) -> str:
    known = as_uuid(value.strip()) if isinstance(value, str) else None
    if known is None:
        raise WrongValue("must be a UUID")
    return known


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise WrongValue("must be true or false")
    return found


def _matching(pattern: re.Pattern[str], meaning: str, limit: int = 255) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = _text(limit)(value)
        if not pattern.fullmatch(text):
            raise WrongValue(f"must be {meaning}")
        return text

    return read


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = str(value).strip().lower()
        if text not in allowed:
            raise WrongValue(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return text

    return read


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    # An extreme exponent would make every further step slow, or fail.
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise WrongValue("must be a number")
    return number


def _minor_units(value: Any) -> int:
    number = _decimal(value)
    if number != number.to_integral_value() or not 0 <= number <= MAX_AMOUNT:
        raise WrongValue("must be a whole number of minor units (cents), 0 or more")
    return int(number)


def _percent(value: Any) -> int:
    ppm = _decimal(value) * PPM_OF_A_PERCENT
    if ppm != ppm.to_integral_value() or not 0 <= ppm <= 100 * PPM_OF_A_PERCENT:
        raise WrongValue("must be a percentage from 0 to 100 with at most 4 decimal places")
    return int(ppm)


def _percent_text(ppm: int) -> str:
    return format((Decimal(ppm) / PPM_OF_A_PERCENT).normalize(), "f")


CLIENTS = Table(
    "client",
    Client,
    Column("client_id", _uuid),
    Column("client_name", _text(255), required=True),
    (
        Column("client_type", _text(64)),
        Column("is_inactive", _flag, default=False),
        Column("default_currency_code", _matching(_CURRENCY, "a currency code such as EUR")),
        Column("account_manager_id", _uuid),
        Column("billing_email", _matching(_EMAIL, "an email address")),
        Column("is_tax_exempt", _flag, default=False),
    ),
)
CONTACTS = Table(
    "contact",
    Contact,
    Column("contact_id", _uuid, attribute="contact_name_id"),
    Column("full_name", _text(255), required=True),
    (Column("email", _matching(_EMAIL, "an email address")), Column("client_id", _uuid)),
)
SERVICES = Table(
    "service",
    Service,
    Column("service_id", _uuid),
    Column("service_name", _text(255), required=True),
    (
        Column("description", _text(10_000)),
        Column("item_kind", _one_of("service", "product"), default="service"),
        Column("billing_method", _one_of("fixed", "hourly", "usage"), default="fixed"),
        Column("service_type_id", _uuid),
        Column("service_type_name", _text(255)),
        Column("default_rate", _minor_units, default=0),
        Column("unit_of_measure", _text(64)),
        Column("is_active", _flag, default=True),
        Column("sku", _text(64)),
        Column("tax_percent", _percent, attribute="tax_rate_ppm", default=0, write=_percent_text),
    ),
)

TABLES: Mapping[str, Table] = {"clients": CLIENTS, "contacts": CONTACTS, "services": SERVICES}
