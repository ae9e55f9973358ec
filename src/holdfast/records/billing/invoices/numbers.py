"""The numbers of a tenant's invoices: without gaps and doubles.

    transaction A: lock the counter ── create invoice 7 ── count 7 ── commit ─┐
    transaction B: lock the counter ............ waits ......................└─▶ create invoice 8 ...

A transaction that fails gives its number back, because the counter changes with it.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.records.models.billing import Invoice, InvoiceCounter


async def lock_counter(session: AsyncSession, tenant_id: str) -> int:
    """The last number of the tenant. Until the transaction ends, no other one creates an invoice of the tenant."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(insert(InvoiceCounter).values(tenant=tenant_id, last_number=0).on_conflict_do_nothing())
    locked = select(InvoiceCounter.last_number).where(InvoiceCounter.tenant == tenant_id).with_for_update()
    return (await session.execute(locked)).scalar_one()


async def take_number(session: AsyncSession, tenant_id: str, last: int) -> str:
    """The number for a new invoice, after the last one. Leaves out numbers that the tenant has from elsewhere."""
    number = last + 1
    while await session.scalar(select(Invoice.invoice_id).where(Invoice.tenant == tenant_id, Invoice.invoice_number == _text(number))):
        number += 1
    await session.execute(update(InvoiceCounter).where(InvoiceCounter.tenant == tenant_id).values(last_number=number))
    return _text(number)


def _text(number: int) -> str:
    return f"INV-{number:06d}"
