"""The application's records that host functions return: schedules, clients, services, invoices. Fields are those of the WIT world."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """A schedule of the install. `payload` is JSON text; times are ISO 8601."""

    id: str
    endpoint_path: str
    endpoint_method: str
    name: str | None
    cron: str
    timezone: str
    enabled: bool
    payload: str | None = None
    last_run_at: str | None = None
    last_run_status: str | None = None
    last_error: str | None = None
    created_at: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of the installed version. Schedules can call one that is `schedulable`."""

    id: str
    method: str
    path: str
    handler: str
    schedulable: bool


def _by_field(text: str | None) -> dict[str, str]:
    try:
        errors = json.loads(text or "{}")
    except ValueError:
        return {}
    return errors if isinstance(errors, dict) else {}


@dataclass(frozen=True)
class ScheduleResult:
    """The result of a change. Without `success`, `error` says why; `field_errors` (JSON text) has the errors by field, if there are any."""

    success: bool
    schedule_id: str | None = None
    error: str | None = None
    field_errors: str | None = None

    def errors_by_field(self) -> dict[str, str]:
        """The errors by the names of fields; empty without any."""
        return _by_field(self.field_errors)


@dataclass(frozen=True)
class InvoiceResult:
    """The draft that was created, with amounts in minor units. Without `success`, `error` says why, `field_errors` (JSON text) where."""

    success: bool
    invoice_id: str | None = None
    invoice_number: str | None = None
    status: str | None = None
    subtotal: float | None = None
    tax: float | None = None
    total: float | None = None
    error: str | None = None
    field_errors: str | None = None

    def errors_by_field(self) -> dict[str, str]:
        """The errors by the names of fields, such as `items[0].rate`; empty without any."""
        return _by_field(self.field_errors)


@dataclass(frozen=True)
class Client:
    """A client of the tenant."""

    client_id: str
    client_name: str
    client_type: str | None = None
    is_inactive: bool = False
    default_currency_code: str | None = None
    account_manager_id: str | None = None
    account_manager_name: str | None = None
    billing_email: str | None = None


@dataclass(frozen=True)
class Service:
    """A service or product of the tenant. `item_kind` is `service` or `product`, `billing_method` is `fixed`, `hourly` or `usage`;
    `default_rate` is in minor units of the currency."""

    service_id: str
    service_name: str
    item_kind: str
    billing_method: str
    service_type_id: str | None = None
    service_type_name: str | None = None
    default_rate: float = 0.0
    unit_of_measure: str = ""
    is_active: bool = True
    sku: str | None = None


@dataclass(frozen=True)
class ClientPage:
    """One page of clients. `total_count` counts all pages."""

    items: Sequence[Client]
    total_count: int
    page: int
    page_size: int


@dataclass(frozen=True)
class ServicePage:
    """One page of services. `total_count` counts all pages."""

    items: Sequence[Service]
    total_count: int
    page: int
    page_size: int


def copied(kind: Any, record: Any) -> Any:
    """A record of the WIT world as `kind`; None stays. Cases of enums become text."""
    if record is None:
        return None
    values = {name: getattr(record, name) for name in kind.__dataclass_fields__ if hasattr(record, name)}
    return kind(**{name: value.name.lower() if hasattr(value, "name") else value for name, value in values.items()})
