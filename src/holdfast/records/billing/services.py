"""The services and products of a tenant, as extensions read them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from sqlalchemy import select

from holdfast.contract.records import ServicePage, ServiceSummary
from holdfast.records.billing.pages import Paging, contains_text, read_page
from holdfast.records.database.database import Database
from holdfast.records.models.billing import Service

ItemKind = Literal["service", "product"]
BillingMethod = Literal["fixed", "hourly", "usage"]


class ServiceFilter(Struct, frozen=True, kw_only=True):
    """Which services: `search` in name, description and SKU. None does not filter."""

    search: str | None = None
    item_kind: ItemKind | None = None
    is_active: bool | None = None
    billing_method: BillingMethod | None = None


async def list_services(db: Database, tenant_id: str, wanted: ServiceFilter, paging: Paging) -> ServicePage:
    """A page of the tenant's services by name, then id."""
    query = select(Service).where(Service.tenant == tenant_id)
    if wanted.search:
        query = query.where(contains_text(db, (Service.service_name, Service.description, Service.sku), wanted.search))
    if wanted.item_kind is not None:
        query = query.where(Service.item_kind == wanted.item_kind)
    if wanted.is_active is not None:
        query = query.where(Service.is_active.is_(wanted.is_active))
    if wanted.billing_method is not None:
        query = query.where(Service.billing_method == wanted.billing_method)
    async with db.session() as session:
        rows, total = await read_page(session, query, paging, Service.service_name, Service.service_id)
    return ServicePage(items=[_summary(row[0]) for row in rows], total_count=total, page=paging.page, page_size=paging.page_size)


async def get_service(db: Database, tenant_id: str, service_id: str) -> ServiceSummary | None:
    """The tenant's service with this UUID, an inactive one too, or None."""
    async with db.session() as session:
        found = await session.scalar(select(Service).where(Service.tenant == tenant_id, Service.service_id == service_id))
    return None if found is None else _summary(found)


def _summary(service: Service) -> ServiceSummary:
    return ServiceSummary(
        service_id=service.service_id,
        service_name=service.service_name,
        item_kind=service.item_kind,
        billing_method=service.billing_method,
        service_type_id=service.service_type_id,
        service_type_name=service.service_type_name,
        default_rate=service.default_rate,
        unit_of_measure=service.unit_of_measure or "",
        is_active=service.is_active,
        sku=service.sku,
    )
