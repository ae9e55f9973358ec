"""The table of the attempts of calls that no person makes: scheduled calls and deliveries of events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Timestamp, UuidText


class CallAttempt(Base):
    """One attempt of a call. `started` without an end: the gateway that made it is calling, or was killed.

    `repeats` counts how often it was sent again for the second reason; the call may then have been executed more than once.
    """

    __tablename__ = "extension_call_attempt"
    __table_args__ = (
        CheckConstraint("status IN ('started', 'success', 'error', 'skipped')", name="extension_call_attempt_status_chk"),
        Index("extension_call_attempt_tenant_idx", "tenant_id", "install_id"),
        Index("extension_call_attempt_started_idx", "started_at"),
    )

    call_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tenant_id: Mapped[str] = mapped_column(String(255))
    install_id: Mapped[str] = mapped_column(UuidText)
    cause: Mapped[str] = mapped_column(String(16))
    request_id: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(128))
    error: Mapped[str | None] = mapped_column(Text)
    http_status: Mapped[int | None]
    retryable: Mapped[bool] = mapped_column(default=False, server_default=false())
    repeats: Mapped[int] = mapped_column(default=0, server_default="0")
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
