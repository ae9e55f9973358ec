"""The invoices of a tenant."""

from __future__ import annotations

from sqlalchemy import and_, select

from holdfast.contract.records import InvoicePage, InvoiceSummary
from holdfast.records.billing.pages import Paging, read_page
from holdfast.records.database.database import Database
from holdfast.records.models.billing import Invoice
from holdfast.records.models.users import Client


async def list_invoices(db: Database, tenant_id: str, paging: Paging) -> InvoicePage:
    """A page of the tenant's invoices, the newest first."""
    client = and_(Client.client_id == Invoice.client_id, Client.tenant == tenant_id)
    query = select(Invoice, Client.client_name).join(Client, client).where(Invoice.tenant == tenant_id)
    async with db.session() as session:
        rows, total = await read_page(session, query, paging, Invoice.created_at.desc(), Invoice.invoice_id)
    return InvoicePage(items=[_summary(*row) for row in rows], total_count=total, page=paging.page, page_size=paging.page_size)


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
