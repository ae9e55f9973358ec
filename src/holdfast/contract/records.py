"""Clients, services and invoices in responses: of the internal APIs, of the gateway's API, and of commands with `--json`.

Amounts are whole minor units (cents) of a currency.
"""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct


class ClientSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A client of a tenant."""

    client_id: str
    client_name: str
    client_type: str | None
    is_inactive: bool
    default_currency_code: str | None
    account_manager_id: str | None
    account_manager_name: str | None
    billing_email: str | None


class ClientPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Clients in the order of their names. `total_count` counts all that match, on every page."""

    items: list[ClientSummary]
    total_count: int
    page: int
    page_size: int


class ServiceSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a tenant sells. `default_rate` is per `unit_of_measure`, which is empty when there is none."""

    service_id: str
    service_name: str
    item_kind: str
    billing_method: str
    service_type_id: str | None
    service_type_name: str | None
    default_rate: int
    unit_of_measure: str
    is_active: bool
    sku: str | None


class ServicePage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Services in the order of their names. `total_count` counts all that match, on every page."""

    items: list[ServiceSummary]
    total_count: int
    page: int
    page_size: int


class DraftInvoice(Struct, frozen=True, kw_only=True, rename="camel"):
    """An invoice that an extension has created. `total` is `subtotal` plus `tax`."""

    invoice_id: str
    invoice_number: str
    status: str
    subtotal: int
    tax: int
    total: int


class InvoiceSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """An invoice of a tenant. `extension_install_id` is the install that created it, None for any other."""

    invoice_id: str
    invoice_number: str
    status: str
    client_id: str
    client_name: str
    invoice_date: date
    due_date: date
    po_number: str | None
    currency_code: str
    subtotal: int
    tax: int
    total: int
    extension_install_id: str | None
    created_at: datetime
