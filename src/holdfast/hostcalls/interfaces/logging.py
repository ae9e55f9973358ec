"""The interface `logging`: lines of the guest for the debug stream."""

from __future__ import annotations

from holdfast.hostcalls.session import Session


async def log_info(session: Session, message: str) -> None:
    session.report.guest_line("info", "log", message)


async def log_warn(session: Session, message: str) -> None:
    session.report.guest_line("warn", "log", message)


async def log_error(session: Session, message: str) -> None:
    session.report.guest_line("error", "log", message)
