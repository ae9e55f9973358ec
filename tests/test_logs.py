"""Logs go to stderr, in the form that was asked for, and never to stdout."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.cli.command_runner import clean_environment
from tests.waiting import MAX_WAIT_SECONDS

SCRIPT = """
import logging, sys, structlog
from holdfast.logs import configure_logs
from holdfast.settings import Settings
configure_logs(Settings(log_level=sys.argv[1]))
structlog.get_logger("holdfast.test").info("spoken", number=1)
structlog.get_logger("holdfast.test").error("failed")
logging.getLogger("library").warning("foreign %s", "words")
logging.getLogger("httpx2").info("http://gateway.test/?token=secret")
"""


def logged(level: str, **variables: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, level],
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_console_line_is_readable_and_without_colours_in_a_file() -> None:
    spoken, failed, foreign = logged("info")
    assert "spoken" in spoken and "number=1" in spoken and "\x1b" not in spoken
    assert "failed" in failed and "foreign words" in foreign


def test_every_json_line_is_an_object_also_those_of_libraries() -> None:
    spoken, _, foreign = (json.loads(line) for line in logged("info", HOLDFAST_LOG_FORMAT="json"))
    assert (spoken["event"], spoken["level"], spoken["number"]) == ("spoken", "info", 1)
    assert (foreign["event"], foreign["level"]) == ("foreign words", "warning")
    assert spoken["timestamp"].endswith("Z")


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_filters_lines_and_libraries_do_not_log_addresses(level: str, count: int) -> None:
    assert len(logged(level)) == count


FAILING = """
import structlog
from holdfast.logs import configure_logs
from holdfast.settings import Settings
configure_logs(Settings())
def fail(token):
    raise LookupError("no such thing")
try:
    fail("hunter" + str(2))
except LookupError:
    structlog.get_logger("holdfast.test").exception("failed")
"""


FORGING = """
import logging, structlog
from holdfast.logs import configure_logs
from holdfast.settings import Settings
configure_logs(Settings())
structlog.get_logger("holdfast.test").info("guest\\n\\x1b[2K\\rforged event", request_id="\\x1b]0;title\\x07", tenant="a\\u2028b")
logging.getLogger("library").warning("library\\nforged event")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_logged_text_cannot_start_a_new_line_or_control_the_terminal(form: str) -> None:
    environment = clean_environment(HOLDFAST_LOG_FORMAT=form)
    done = subprocess.run(
        [sys.executable, "-c", FORGING], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all("forged event" in line for line in lines)
    assert "\x1b" not in done.stderr and "\r" not in done.stderr and "\x07" not in done.stderr


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_never_shows_the_values_of_variables(form: str) -> None:
    environment = clean_environment(HOLDFAST_LOG_FORMAT=form)
    done = subprocess.run(
        [sys.executable, "-c", FAILING], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    assert "LookupError" in done.stderr and "no such thing" in done.stderr
    assert "hunter2" not in done.stderr


TOGETHER = """
import structlog
from holdfast.logs import configure_logs, buffered_lines
from holdfast.settings import Settings
configure_logs(Settings())
log = structlog.get_logger("holdfast.test")
try:
    with buffered_lines():
        log.info("first", odd=object, text="\\ud800")
        log.info("second")
        raise LookupError
except LookupError:
    log.info("third")
"""


def test_buffered_lines_are_all_written_in_order_with_any_content() -> None:
    environment = clean_environment(HOLDFAST_LOG_FORMAT="json")
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["first", "second", "third"]


FAST_AND_NORMAL = """
import sys
import structlog
from holdfast.logs import configure_logs, fast_info, fast_line
from holdfast.settings import Settings
configure_logs(Settings())
log = structlog.get_logger("holdfast.test")
fields = {"tenant": "t", "status": 200, "error": None, "text": "a\\nb\\u2028\\ud800", "odd": [1, {"x": 2.5}]}
log.info("the same", **fields)
fast_info(log, "the same", **fields)
log.error("also the same", **fields)
fast_line(log, "error", "also the same", **fields)
"""


@pytest.mark.parametrize("fast", ["true", "false"])
@pytest.mark.parametrize(("form", "level", "lines"), [("json", "info", 4), ("json", "warning", 2), ("console", "info", 4)])
def test_a_fast_line_equals_the_normal_line_with_the_switch_on_and_off(form: str, level: str, lines: int, fast: str) -> None:
    environment = clean_environment(HOLDFAST_LOG_FORMAT=form, HOLDFAST_LOG_LEVEL=level, HOLDFAST_FAST_LOG_LINES=fast)
    done = subprocess.run(
        [sys.executable, "-c", FAST_AND_NORMAL], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    written = [re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "", line) for line in done.stderr.splitlines()]
    assert len(written) == lines
    assert len(set(written)) == lines // 2


EXTENSION = """
import structlog
from holdfast.logs import EXTENSION_LOG, configure_logs, fast_line
from holdfast.settings import Settings
configure_logs(Settings())
log = structlog.get_logger("holdfast.test")
stack = "Error: no\\n    at f (src/handler.ts:4)\\n12:00:00 [info     ] forged\\x1b[2J" + "\\nx" * 100
ids = {"extension": "e-1", "extension_name": "com.example.notes", "tenant": "t-1", "request_id": "0123456789abcdef"}
fast_line(log, "info", EXTENSION_LOG, message="saved 7", stream="log", **ids)
fast_line(log, "error", EXTENSION_LOG, message=stack, stream="log", **ids)
"""


def test_lines_of_extensions_are_short_for_people_with_the_stack_indented() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXTENSION], env=clean_environment(), capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    saved, error, *stack = done.stderr.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info     \] com\.example\.notes  saved 7  \(request 01234567\)", saved)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[error    \] com\.example\.notes  Error: no  \(request 01234567\)", error)
    assert all(line.startswith(" " * 21 + "│ ") for line in stack)
    assert stack[0].endswith("│     at f (src/handler.ts:4)") and stack[1].endswith("forged\\x1b[2J")
    assert len(stack) == 60 and stack[-1].endswith("… 43 more lines")


def test_lines_of_extensions_are_objects_where_logs_are_json() -> None:
    environment = clean_environment(HOLDFAST_LOG_FORMAT="json")
    done = subprocess.run(
        [sys.executable, "-c", EXTENSION], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=True
    )
    saved, error = (json.loads(line) for line in done.stderr.splitlines())
    assert (saved["event"], saved["level"], saved["message"], saved["request_id"]) == (
        "extension_log",
        "info",
        "saved 7",
        "0123456789abcdef",
    )
    assert error["level"] == "error" and error["message"].startswith("Error: no\n    at f")
