"""How the runner's log is written: one line an event, to stderr; JSON in production."""

from __future__ import annotations

import logging
import sys

import structlog

from holdfast.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Sets up structlog and the standard library's logging for this process."""
    level = getattr(logging, settings.log_level.upper())
    production = settings.environment == "production"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if production else _as_it_is,
            structlog.processors.JSONRenderer() if production else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries are heard when something is wrong; at lower levels some of them write URLs with their queries.
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def _as_it_is(logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event
