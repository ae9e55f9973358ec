"""Locks on names, held until a transaction ends. SQLite runs one writing transaction at a time anyway; on Postgres they are explicit."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_name(session: AsyncSession, name: str) -> None:
    """Waits until no other transaction holds `name`, and holds it until this one ends. Reads after it see what the others committed."""
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        await session.execute(select(func.pg_advisory_xact_lock(number)))
