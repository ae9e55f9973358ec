"""At which level the gateway logs calls that did not succeed."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.gateway.calls.outcomes import NOTES, outcome
from tests.gateway.platform import Platform
from tests.records.databases import TENANT


async def failed(platform: Platform, path: str = NOTES, **headers: str) -> dict[str, object]:
    """What is logged about the one failure of a call."""
    with capture_logs() as logged:
        await platform.http.get(path, headers={"x-request-id": "req-1", **headers})
    (line,) = [line for line in logged if line["event"] == "call_failed"]
    assert (line["request_id"], line["method"], line["path"]) == ("req-1", "GET", path)
    return {name: line[name] for name in ("log_level", "status", "error")}


@pytest.mark.parametrize(
    ("code", "level", "status", "error"),
    [
        ("trap", "error", 502, "bad_gateway"),
        ("deadline", "error", 504, "gateway_timeout"),
        ("busy", "warning", 503, "extension_busy"),
    ],
)
async def test_a_call_without_a_response(platform: Platform, code: str, level: str, status: int, error: str) -> None:
    platform.fail(code)
    assert await failed(platform, **await platform.admin()) == {"log_level": level, "status": status, "error": error}


async def test_an_error_of_the_extension_itself(platform: Platform) -> None:
    admin = await platform.admin()
    platform.respond_with(b"no", 500)
    assert await failed(platform, **admin) == {"log_level": "warning", "status": 500, "error": "extension_error_status"}
    platform.respond_with(b"no", 404)
    with capture_logs() as logged:
        await platform.http.get(NOTES, headers=admin)
    assert "call_failed" not in [line["event"] for line in logged]


async def test_calls_that_are_refused(platform: Platform) -> None:
    assert await failed(platform) == {"log_level": "info", "status": 401, "error": "unauthenticated"}
    missing = await failed(platform, "/api/ext/com.example.missing/x", **await platform.admin())
    assert missing == {"log_level": "warning", "status": 404, "error": "extension_not_available"}


async def test_a_response_header_that_http_does_not_allow_is_an_error_with_its_name(platform: Platform) -> None:
    admin = await platform.admin()
    platform.respond_with(b"", headers={"x-name": "emoji \U0001f600"})
    response = await platform.http.get(NOTES, headers=admin)
    shape = response.json()
    assert (response.status_code, shape["error"], shape["details"]["header"]) == (502, "bad_gateway", "x-name")
    assert "x-name" in shape["message"] and "encodeURIComponent" in shape["hint"]
    assert await outcome(platform) == ("error", "invalid_response", 502)
    ((_, event),) = await platform.services.events.tail(TENANT, platform.installed.registry_id, 1)
    assert event.level == "error" and "x-name" in event.message and event.request_id == response.headers["x-request-id"]
