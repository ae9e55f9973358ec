"""The interface `logging`: writes lines to the debug stream."""

from __future__ import annotations

from holdfast.hostcalls.interfaces.session import Session


async def log_info(session: Session, message: str) -> None:
    session.events.guest_line("info", "log", message)


async def log_warn(session: Session, message: str) -> None:
    session.events.guest_line("warn", "log", message)


async def log_error(session: Session, message: str) -> None:
    session.events.guest_line("error", "log", message)
