"""Who writes about one thing at a time. On SQLite a writing transaction is alone anyway; on Postgres it has to ask for that."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def hold(session: AsyncSession, name: str) -> None:
    """Waits until no other transaction holds `name`, and holds it until this one ends. What is read after it is what the others wrote."""
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        await session.execute(select(func.pg_advisory_xact_lock(number)))
