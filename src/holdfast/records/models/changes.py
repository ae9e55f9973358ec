"""The counters of the change feed."""

from __future__ import annotations

from sqlalchemy import BigInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base


class ChangeCounter(Base):
    """On SQLite, triggers count here what decides calls; see `holdfast.records.changes`. On Postgres it stays empty.

    `scope` is the id of a tenant, or one of the scopes SHARED and ANYTHING of the feed.
    """

    __tablename__ = "change_counters"
    __table_args__ = ({"sqlite_with_rowid": False},)

    scope: Mapped[str] = mapped_column(String(255), primary_key=True)
    counter: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
