"""What extensions write reaches the log of the process, at its level, without secrets and within its limits."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.hostcalls.call.event_reporter import EventReporter
from holdfast.hostcalls.call.extension_log import BURST_SECONDS, ExtensionLog
from tests.hostcalls.calling import EXTENSION, TENANT, ListSink, make_call

SECRET = "s3cret-value"


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def reporter(log: ExtensionLog, sink: ListSink | None = None, **fields: Any) -> EventReporter:
    return EventReporter(make_call(**fields), sink, log=log, secrets=[SECRET], max_lines=10_000)


def test_guest_lines_and_problems_are_logged_at_their_level_with_ids_and_without_secrets() -> None:
    events = reporter(ExtensionLog(100), extension_name="com.example.notes")
    with capture_logs() as logged:
        events.guest_line("info", "log", "saved 7")
        events.guest_line("warn", "log", f"key is {SECRET}")
        events.guest_line("error", "stderr", "oops")
        events.host("warn", "host call http.fetch: not granted")
        events.host("error", "call failed: trap: unreachable\n    at f (src/handler.ts:4)")
        events.host("info", "call finished")
        events.host("debug", "handler started")
    assert [(line["log_level"], line["stream"], line["message"]) for line in logged] == [
        ("info", "log", "saved 7"),
        ("warning", "log", "key is [secret]"),
        ("error", "stderr", "oops"),
        ("warning", "host", "host call http.fetch: not granted"),
        ("error", "host", "call failed: trap: unreachable\n    at f (src/handler.ts:4)"),
    ]
    ids = {(line["event"], line["tenant"], line["extension"], line["extension_name"], line["request_id"]) for line in logged}
    assert ids == {("extension_log", TENANT, EXTENSION, "com.example.notes", "r-1")}


def test_an_install_that_floods_is_limited_says_so_and_does_not_limit_others() -> None:
    clock = Seconds()
    log = ExtensionLog(2, clock=clock)
    flooding, other = reporter(log), reporter(log, install_id="another-install")
    with capture_logs() as logged:
        for number in range(2 * BURST_SECONDS + 5):
            flooding.guest_line("info", "log", f"line {number}")
        other.guest_line("info", "log", "other")
        clock.now = 1.0
        flooding.guest_line("info", "log", "later")
    events = [line["event"] for line in logged]
    assert events.count("extension_log") == 2 * BURST_SECONDS + 2
    assert events[-4:] == ["extension_log_limited", "extension_log", "extension_log_lines_dropped", "extension_log"]
    assert (logged[-4]["lines_per_second"], logged[-3]["message"], logged[-2]["lines"], logged[-1]["message"]) == (2, "other", 5, "later")


def test_an_error_that_the_sdk_writes_to_log_and_stderr_is_reported_once() -> None:
    sink = ListSink()
    events = reporter(ExtensionLog(100), sink)
    with capture_logs() as logged:
        events.guest_line("error", "log", "TypeError: no\n    at f (a.ts:1)\n    at handler (a.ts:9)")
        for line in ("TypeError: no", "    at f (a.ts:1)", "    at handl", "own output", "    at f (a.ts:1)"):
            events.guest_line("error", "stderr", line)
    expected = ["TypeError: no\n    at f (a.ts:1)\n    at handler (a.ts:9)", "own output", "    at f (a.ts:1)"]
    assert [line["message"] for line in logged] == expected
    assert sink.messages == expected


@pytest.mark.parametrize(("sink", "wanted"), [(None, {"warn", "error"}), (ListSink(), {"debug", "info", "warn", "error"})])
def test_messages_are_built_only_where_they_are_reported(sink: ListSink | None, wanted: set[str]) -> None:
    events = reporter(ExtensionLog(100), sink)
    assert {level for level in ("debug", "info", "warn", "error") if events.wants(level)} == wanted
    assert not EventReporter(make_call(), None).wants("error")
