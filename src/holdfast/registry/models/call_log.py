"""What is kept about calls beside their rows: statistics by the minute, and when old rows are deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Timestamp, UuidText

BUCKETS_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
"""The upper bounds of the latency histogram, in milliseconds; slower calls are in `slower`."""


class ExtensionCallMinute(Base):
    """The calls of one extension by one tenant that began in one minute: how many, how many failed, how long they took."""

    __tablename__ = "extension_call_minutes"
    __table_args__ = (Index("extension_call_minutes_minute_idx", "minute"),)

    tenant_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    registry_id: Mapped[str] = mapped_column(UuidText, primary_key=True)
    minute: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    errors: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Calls without a response, and those with a status from 500."""
    duration_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The sum of all durations. The counts that follow are the histogram: each call is in one of them, unless it was cut off."""
    ms_1: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_2: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_5: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_10: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_25: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_50: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_100: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_250: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_500: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_1000: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_2500: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_5000: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_10000: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    ms_30000: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    slower: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class ExtensionLogRetention(Base):
    """The one row (id 1) that says who made the audit log, and whether notice of the deletion of old rows was given."""

    __tablename__ = "extension_log_retention"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    made_by_holdfast: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """False: the table was there before, so nothing is deleted from it unless a setting says so."""
    needs_notice: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    """The table had rows before this version, so notice of their deletion is given first."""
    notified_at: Mapped[datetime | None] = mapped_column(Timestamp)
