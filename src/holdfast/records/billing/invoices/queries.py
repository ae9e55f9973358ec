"""The invoices of a tenant."""

from __future__ import annotations

from sqlalchemy import and_, select

from holdfast.contract.records import InvoiceSummary
from holdfast.records.database.database import Database
from holdfast.records.models.billing import Invoice
from holdfast.records.models.users import Client


async def invoices_by_id(db: Database, tenant_id: str, *, after: str | None, limit: int) -> list[InvoiceSummary]:
    """At most `limit` invoices of the tenant in the order of their ids, those with a higher id than `after`."""
    client = and_(Client.client_id == Invoice.client_id, Client.tenant == tenant_id)
    query = select(Invoice, Client.client_name).join(Client, client).where(Invoice.tenant == tenant_id)
    if after is not None:
        query = query.where(Invoice.invoice_id > after)
    async with db.session() as session:
        rows = (await session.execute(query.order_by(Invoice.invoice_id).limit(limit))).all()
    return [_summary(*row) for row in rows]


def _summary(invoice: Invoice, client_name: str) -> InvoiceSummary:
    return InvoiceSummary(
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.invoice_number,
        status=invoice.status,
        client_id=invoice.client_id,
        client_name=client_name,
        invoice_date=invoice.invoice_date,
        due_date=invoice.due_date,
        po_number=invoice.po_number,
        currency_code=invoice.currency_code,
        subtotal=invoice.subtotal,
        tax=invoice.tax,
        total=invoice.total,
        extension_install_id=invoice.extension_install_id,
        created_at=invoice.created_at,
    )
