"""The tenant that a command on a data folder is for."""

from __future__ import annotations

from holdfast.client.target import TENANT_VARIABLES, first_set
from holdfast.records.administration import TenantUnknown
from holdfast.records.database.columns import as_uuid
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.records.models.users import Tenant


async def chosen_tenant(db: Database, given: str | None) -> str:
    """The id of the tenant that option or variable name, else of the development tenant. Raises TenantUnknown."""
    named = given or first_set(*TENANT_VARIABLES)
    if named is None:
        return DEVELOPMENT_TENANT_ID
    tenant_id = as_uuid(named.strip())
    async with db.session() as session:
        if tenant_id is None or await session.get(Tenant, tenant_id) is None:
            raise TenantUnknown(f"There is no tenant {named}.", hint="`holdfast tenants list` shows which there are, with their ids.")
    return tenant_id
