"""Sample records of a development tenant, so that extensions which read and bill have something to work with."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from holdfast.records.billing.invoices.drafts import Creator, create_draft
from holdfast.records.billing.invoices.numbers import lock_counter
from holdfast.records.billing.invoices.request import DraftItem, DraftRequest
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.models.billing import Service
from holdfast.records.models.users import Client, Contact

_CLIENTS = (
    ("Northwind Bakery", "company", "EUR", "accounts@northwind.example", False),
    ("Blue Harbor Logistics", "company", "USD", "billing@blueharbor.example", False),
    ("Contoso Health", "company", "USD", "ap@contoso.example", False),
    ("Ada Byron", "individual", "GBP", "ada@byron.example", False),
    ("Old Mill Printing", "company", "EUR", None, True),
)
_SERVICES = (
    ("Managed workstation", "service", "fixed", 4_900, "seat", "MW-01", True),
    ("Remote support", "service", "hourly", 12_000, "hour", "RS-01", True),
    ("Cloud backup", "service", "usage", 15, "GB", "CB-01", True),
    ("Router RX-200", "product", "fixed", 18_900, "piece", "RX-200", True),
    ("Fax gateway", "service", "fixed", 2_500, "line", "FG-01", False),
)
_TAX_PPM = 190_000


async def add_samples(db: Database, tenant_id: str, *, now: datetime) -> bool:
    """Creates clients with contacts, services and one invoice in a tenant that has no clients and no services. Returns whether it did."""
    async with db.transaction() as session:
        # Of two processes that start at once, the second waits and finds the samples of the first.
        await lock_counter(session, tenant_id)
        for column, owner in ((Client.client_id, Client.tenant), (Service.service_id, Service.tenant)):
            if await session.scalar(select(column).where(owner == tenant_id).limit(1)) is not None:
                return False
        clients = [_client(tenant_id, *row) for row in _CLIENTS]
        services = [_service(tenant_id, *row) for row in _SERVICES]
        session.add_all([*clients, *services])
        await session.flush()
        session.add_all(
            Contact(tenant=tenant_id, client_id=client.client_id, full_name=f"Accounts of {client.client_name}", email=client.billing_email)
            for client in clients
            if client.billing_email
        )
    await create_draft(db, Creator(tenant_id=tenant_id), _invoice(clients[0], services), now=now)
    return True


def _client(tenant: str, name: str, kind: str, currency: str, email: str | None, is_inactive: bool) -> Client:
    return Client(
        client_id=new_id(),
        tenant=tenant,
        client_name=name,
        client_type=kind,
        default_currency_code=currency,
        billing_email=email,
        is_inactive=is_inactive,
    )


def _service(tenant: str, name: str, kind: str, method: str, rate: int, unit: str, sku: str, is_active: bool) -> Service:
    return Service(
        service_id=new_id(),
        tenant=tenant,
        service_name=name,
        item_kind=kind,
        billing_method=method,
        default_rate=rate,
        unit_of_measure=unit,
        sku=sku,
        is_active=is_active,
        tax_rate_ppm=_TAX_PPM,
    )


def _invoice(client: Client, services: list[Service]) -> DraftRequest:
    seats, support = services[0], services[1]
    items = [
        DraftItem(service_id=seats.service_id, quantity=Decimal(5), rate=Decimal(seats.default_rate), description="Five workstations"),
        DraftItem(service_id=support.service_id, quantity=Decimal("1.5"), rate=Decimal(support.default_rate), description="Support"),
        DraftItem(service_id=seats.service_id, quantity=Decimal(1), rate=Decimal(10), description="First month", discount="percentage"),
    ]
    return DraftRequest(client_id=client.client_id, items=items)
