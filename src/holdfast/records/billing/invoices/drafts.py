"""Creates draft invoices, each in one transaction: number, invoice and lines exist together or not at all.

    lock the tenant's counter ──▶ key known? ── yes, same request ──▶ the invoice that exists
                                      │      └─ yes, another one ───▶ idempotency_key_reused
                                      │ no
                                      ▼
                    client and services of the tenant? ── no ──▶ invoice_invalid
                                      │ yes
                                      ▼
                    number, invoice, lines ──▶ commit

The lock comes first: of two requests with the same key at once, the second finds the invoice of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.records import DraftInvoice
from holdfast.records.billing.invoices.amounts import Amounts, line_amounts
from holdfast.records.billing.invoices.errors import InvoiceError, invalid_invoice
from holdfast.records.billing.invoices.numbers import lock_counter, take_number
from holdfast.records.billing.invoices.request import DraftItem, DraftRequest, whole
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.models.billing import Invoice, InvoiceCharge, Service
from holdfast.records.models.users import Client

DEFAULT_CURRENCY = "USD"


class Creator(Struct, frozen=True, kw_only=True):
    """Who creates an invoice: a tenant's install, or None for the platform itself.

    `idempotency_key` has at most 128 characters and belongs to the install; None creates an invoice for every request.
    """

    tenant_id: str
    install_id: str | None = None
    idempotency_key: str | None = None


async def create_draft(db: Database, creator: Creator, request: DraftRequest, *, now: datetime) -> DraftInvoice:
    """The new draft, or the one that an earlier request with the same key has created.

    Raises InvoiceError (`invoice_invalid`, `idempotency_key_reused`).
    """
    async with db.transaction() as session:
        last = await lock_counter(session, creator.tenant_id)
        existing = await _created_before(session, creator, request)
        if existing is not None:
            return _result(existing)
        client = await _client(session, creator.tenant_id, request)
        services = await _services(session, creator.tenant_id, request.items)
        rates = {service_id: 0 if client.is_tax_exempt else one.tax_rate_ppm for service_id, one in services.items()}
        lines = line_amounts(request.items, rates)
        invoice = _invoice(creator, request, client, lines, now)
        invoice.invoice_number = await take_number(session, creator.tenant_id, last)
        session.add(invoice)
        await session.flush()
        session.add_all(
            _charge(invoice, position, item, amounts) for position, (item, amounts) in enumerate(zip(request.items, lines, strict=True))
        )
    return _result(invoice)


async def _created_before(session: AsyncSession, creator: Creator, request: DraftRequest) -> Invoice | None:
    if creator.idempotency_key is None:
        return None
    query = select(Invoice).where(Invoice.tenant == creator.tenant_id, Invoice.idempotency_key == creator.idempotency_key)
    found = await session.scalar(query.where(Invoice.extension_install_id == creator.install_id))
    if found is not None and found.request_hash != request.digest:
        raise InvoiceError(
            "idempotency_key_reused",
            f"This idempotency key has created the invoice {found.invoice_number}, from another request.",
            hint="Repeat a call with the same content, or send a new idempotency key.",
        )
    return found


async def _client(session: AsyncSession, tenant_id: str, request: DraftRequest) -> Client:
    client = await session.scalar(select(Client).where(Client.tenant == tenant_id, Client.client_id == request.client_id))
    if client is None:
        raise invalid_invoice("Client not found", {"clientId": "Client not found"})
    return client


async def _services(session: AsyncSession, tenant_id: str, items: Sequence[DraftItem]) -> dict[str, Service]:
    wanted = {item.service_id for item in items}
    query = select(Service).where(Service.tenant == tenant_id, Service.service_id.in_(sorted(wanted)))
    found = {service.service_id: service for service in await session.scalars(query)}
    if wanted - found.keys():
        missing = {f"items[{i}].serviceId": "Service not found" for i, item in enumerate(items) if item.service_id not in found}
        # `serviceId` is the key that the existing platform reports.
        raise invalid_invoice("Service not found", {"serviceId": "Service not found", **missing})
    return found


def _invoice(creator: Creator, request: DraftRequest, client: Client, lines: Sequence[Amounts], now: datetime) -> Invoice:
    invoice_date = request.invoice_date or now.date()
    return Invoice(
        invoice_id=new_id(),
        tenant=creator.tenant_id,
        client_id=client.client_id,
        status="draft",
        is_manual=True,
        invoice_date=invoice_date,
        due_date=request.due_date or invoice_date,
        po_number=request.po_number,
        currency_code=client.default_currency_code or DEFAULT_CURRENCY,
        subtotal=sum(line.net for line in lines),
        tax=sum(line.tax for line in lines),
        total=sum(line.total for line in lines),
        extension_install_id=creator.install_id,
        idempotency_key=creator.idempotency_key,
        request_hash=None if creator.idempotency_key is None else request.digest,
        created_at=now,
    )


def _charge(invoice: Invoice, position: int, item: DraftItem, amounts: Amounts) -> InvoiceCharge:
    return InvoiceCharge(
        item_id=new_id(),
        invoice_id=invoice.invoice_id,
        tenant=invoice.tenant,
        service_id=item.service_id,
        description=item.description,
        quantity=float(item.quantity),
        rate=whole(item.rate),
        is_discount=item.discount is not None,
        discount_type=item.discount,
        discount_percentage=float(item.rate) if item.discount == "percentage" else None,
        applies_to_item_id=item.applies_to_item_id,
        applies_to_service_id=item.applies_to_service_id,
        net_amount=amounts.net,
        tax_amount=amounts.tax,
        total_price=amounts.total,
        position=position,
    )


def _result(invoice: Invoice) -> DraftInvoice:
    return DraftInvoice(
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.invoice_number,
        status=invoice.status,
        subtotal=invoice.subtotal,
        tax=invoice.tax,
        total=invoice.total,
    )
