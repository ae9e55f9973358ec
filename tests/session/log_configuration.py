"""Every test starts with the log configuration that it would have alone, whatever the tests before it configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from holdfast.logs.fast_lines import FastLines


@pytest.fixture(scope="session", autouse=True)
def loggers_follow_the_configuration() -> Iterator[None]:
    """Loggers are never cached: one that is keeps the configuration of the test that used it first."""
    configure = structlog.configure

    def configure_without_cache(*args: Any, **options: Any) -> None:
        configure(*args, **{**options, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", configure_without_cache)
        yield


@pytest.fixture(autouse=True)
def log_configuration() -> Iterator[None]:
    """Restores what a test changes with `configure_logs`: structlog, the root logger, and the fast log lines."""
    # Copied: `capture_logs` changes the list of processors in place.
    before = {**structlog.get_config(), "processors": list(structlog.get_config()["processors"])} if structlog.is_configured() else None
    root = logging.getLogger()
    handlers, level, fast_lines = list(root.handlers), root.level, FastLines.configured
    yield
    if before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**before)
    root.handlers, FastLines.configured = handlers, fast_lines
    root.setLevel(level)
