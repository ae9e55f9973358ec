"""The list of a tenant's installs."""

from __future__ import annotations

from sqlalchemy import text

from holdfast.records.database.columns import Json, Timestamp, UuidText
from holdfast.records.database.database import Database
from holdfast.registry.installs.listing_query import INSTALLS_OF_TENANT, JSON_COLUMNS, TIMESTAMP_COLUMNS, summaries_of
from holdfast.registry.installs.results import InstallSummary

# The types make both databases return text ids, decoded JSON and aware timestamps.
_QUERY = text(INSTALLS_OF_TENANT).columns(
    **dict.fromkeys(("registry_id", "version_id", "install_id"), UuidText),
    **dict.fromkeys(JSON_COLUMNS, Json),
    **dict.fromkeys(TIMESTAMP_COLUMNS, Timestamp()),
)


async def list_installs(db: Database, tenant_id: str) -> list[InstallSummary]:
    """A tenant's installs, including disabled ones, by publisher and name."""
    async with db.session() as session:
        return summaries_of(row._asdict() for row in await session.execute(_QUERY, {"tenant": tenant_id}))
