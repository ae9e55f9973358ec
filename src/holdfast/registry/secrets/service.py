"""The secrets of installs as one service object. It holds database, sealer and clock; the work is in `administration`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import UNSET, UnsetType

from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.secrets import administration
from holdfast.registry.secrets.results import SecretsSummary
from holdfast.registry.secrets.sealing import Sealer


class SecretService:
    """Sets, removes and lists secrets. Each method raises what the function in `administration` raises."""

    def __init__(self, db: Database, sealer: Sealer, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._sealer = sealer
        self._now = now

    async def list(self, *, tenant_id: str, extension: str) -> SecretsSummary:
        """The names of an install's secrets, never their values."""
        return await administration.list_secrets(self._db, self._sealer, tenant_id=tenant_id, extension=extension)

    async def set(
        self, *, actor: Actor, extension: str, values: Mapping[str, str], expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        """Adds secrets or replaces their values; see `set_secrets`."""
        return await administration.set_secrets(
            self._db, self._sealer, actor=actor, extension=extension, values=values, expires_at=expires_at, now=self._now
        )

    async def remove(self, *, actor: Actor, extension: str, key: str) -> SecretsSummary:
        """Removes one secret."""
        return await administration.remove_secret(self._db, self._sealer, actor=actor, extension=extension, key=key, now=self._now)

    async def clear(self, *, actor: Actor, extension: str) -> SecretsSummary:
        """Removes all secrets of an install."""
        return await administration.clear_secrets(self._db, self._sealer, actor=actor, extension=extension, now=self._now)
