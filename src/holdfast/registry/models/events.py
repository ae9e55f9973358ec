"""Tables of events: what is delivered to installs, and how much was lost because too much was waiting."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Json, Timestamp, UuidText
from holdfast.records.database.defaults import NO_FIELDS

OPEN = text("status IN ('waiting', 'delivering')")
WAITING = text("status = 'waiting'")
DELIVERING_IN_ORDER = text("status = 'delivering' AND NOT out_of_order")

EVENT_STATUSES = ("waiting", "delivering", "delivered", "dead", "dropped")
"""`waiting`: for an earlier event of its subject, for its next attempt, or for its install to be enabled. `dead`: given up, and can be
retried. `dropped`: not delivered, because no one subscribes to it any more, its capability is not granted, or someone dropped it."""


class ExtensionEvent(Base):
    """One event for one install. Triggers insert it in the transaction of the change that it reports.

    `seq` orders the events of a subject. `turn` counts how often the event was claimed, `attempts` how often the endpoint was called, and
    `failures` how often that failed since the event was recorded or retried. An event is not delivered before `available_at`.
    """

    __tablename__ = "extension_event"
    __table_args__ = (
        UniqueConstraint("id", name="extension_event_id_uq"),
        CheckConstraint(f"status IN {EVENT_STATUSES}", name="extension_event_status_chk"),
        # At most one event of a subject at a time, whatever the schedulers do.
        Index(
            "extension_event_delivering_uq",
            "install_id",
            "subject",
            unique=True,
            sqlite_where=DELIVERING_IN_ORDER,
            postgresql_where=DELIVERING_IN_ORDER,
        ),
        Index("extension_event_open_idx", "install_id", "subject", "seq", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("extension_event_available_idx", "available_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("extension_event_tenant_idx", "tenant_id", "install_id", "seq"),
        Index("extension_event_occurred_idx", "occurred_at"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(UuidText)
    tenant_id: Mapped[str] = mapped_column(String(255))
    install_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tenant_extension_install.id", ondelete="CASCADE"))
    topic: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default=NO_FIELDS)
    occurred_at: Mapped[datetime] = mapped_column(Timestamp)
    available_at: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[str] = mapped_column(String(16), default="waiting", server_default="waiting")
    out_of_order: Mapped[bool] = mapped_column(default=False, server_default=false())
    turn: Mapped[int] = mapped_column(default=0, server_default="0")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    http_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    claimed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ExtensionEventLoss(Base):
    """How many events were not recorded for an install, because as many as can wait were waiting."""

    __tablename__ = "extension_event_loss"

    install_id: Mapped[str] = mapped_column(UuidText, ForeignKey("tenant_extension_install.id", ondelete="CASCADE"), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(255))
    lost: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    last_at: Mapped[datetime] = mapped_column(Timestamp)
