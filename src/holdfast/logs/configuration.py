"""Configures structlog and the standard library's logging: stderr, as console text or one JSON object per line."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from holdfast.logs.console_lines import ConsoleLines
from holdfast.logs.fast_lines import LEVELS, FastLines
from holdfast.logs.formatting import Timestamp, escape_control_characters, render_json
from holdfast.logs.output import StderrWriter
from holdfast.settings import Settings

# At level info these repeat what Holdfast logs itself, or log URLs that contain tokens.
QUIET = ("httpx2", "httpcore2", "alembic", "aiosqlite", "asyncio")


def configure_logs(settings: Settings) -> None:
    """Sends records of structlog and of the standard library to stderr, from the configured level upwards."""
    level = LEVELS[settings.log_level]
    as_json = settings.log_format == "json" or (settings.log_format is None and settings.environment == "production")
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        Timestamp() if as_json else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    ]
    renderer = _renderer(as_json=as_json)
    FastLines.configured = FastLines(level) if settings.fast_log_lines and as_json else None
    # Not through the standard library's records: they cost 50 microseconds more, a fifth of a whole call. The filtering logger makes
    # levels below the configured one almost free.
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=StderrWriter,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    quiet_libraries(level)
    # The platform logs the server's start itself.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, level))


def quiet_libraries(level: int = logging.WARNING) -> None:
    """Raises the level of libraries to at least warning: below it, HTTP clients log headers, and URLs with their queries."""
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, level))


def _renderer(*, as_json: bool) -> list[Processor]:
    if as_json:
        # Tracebacks without the values of variables: tokens and secrets are among them.
        tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
        return [tracebacks, render_json]
    colours = sys.stderr.isatty()
    console = structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
    return [escape_control_characters, ConsoleLines(console, colours=colours)]


def silence_logger(name: str) -> None:
    """Drops what a library reports from now on, such as about work that a stop interrupts."""
    logging.getLogger(name).setLevel(logging.CRITICAL + 1)
