"""The clients of a tenant, as extensions read them."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Select, and_, false, select

from holdfast.contract.records import ClientPage, ClientSummary
from holdfast.records.billing.pages import Paging, contains_text, read_page
from holdfast.records.database.database import Database
from holdfast.records.models.users import Client, User


class ClientFilter(Struct, frozen=True, kw_only=True):
    """Which clients: `search` in name, id and billing address; `only` is the id of the one that the reader may see, empty for
    none, None for all."""

    search: str | None = None
    include_inactive: bool = False
    only: str | None = None


async def list_clients(db: Database, tenant_id: str, wanted: ClientFilter, paging: Paging) -> ClientPage:
    """A page of the tenant's clients by name, then id."""
    query = _clients(tenant_id, wanted.only)
    if not wanted.include_inactive:
        query = query.where(Client.is_inactive.is_(False))
    if wanted.search:
        query = query.where(contains_text(db, (Client.client_name, Client.client_id, Client.billing_email), wanted.search))
    async with db.session() as session:
        rows, total = await read_page(session, query, paging, Client.client_name, Client.client_id)
    return ClientPage(items=[_summary(*row) for row in rows], total_count=total, page=paging.page, page_size=paging.page_size)


async def get_client(db: Database, tenant_id: str, client_id: str, *, only: str | None = None) -> ClientSummary | None:
    """The tenant's client with this UUID, an inactive one too; None when there is none, or it is not the `only` one to be seen."""
    async with db.session() as session:
        row = (await session.execute(_clients(tenant_id, only).where(Client.client_id == client_id))).first()
    return None if row is None else _summary(*row)


def _clients(tenant_id: str, only: str | None) -> Select[Client, User | None]:
    manager = and_(User.user_id == Client.account_manager_id, User.tenant == tenant_id)
    query = select(Client, User).outerjoin(User, manager).where(Client.tenant == tenant_id)
    if only is None:
        return query
    return query.where(Client.client_id == only if only else false())


def _summary(client: Client, manager: User | None) -> ClientSummary:
    names = () if manager is None else (manager.first_name, manager.last_name)
    return ClientSummary(
        client_id=client.client_id,
        client_name=client.client_name,
        client_type=client.client_type,
        is_inactive=client.is_inactive,
        default_currency_code=client.default_currency_code,
        account_manager_id=client.account_manager_id,
        account_manager_name=" ".join(name for name in names if name) or (manager.username if manager else None),
        billing_email=client.billing_email,
    )
