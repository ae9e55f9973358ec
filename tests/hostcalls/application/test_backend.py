"""Requests to the application's internal API."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import JSONResponse, Response

from holdfast.hostcalls import BackendUnavailable, HttpBackend, Reply, Service
from tests.events.recording_server import Recorded, RecordingServer, free_port, recording_server
from tests.hostcalls.calling import INSTALL


@pytest.mark.parametrize("service", list(Service))
async def test_an_operation_is_posted_to_the_installs_path_with_the_runners_token(
    application: RecordingServer, backend: HttpBackend, service: Service
) -> None:
    application.reply({"answer": 1})
    assert (await backend.post(service, INSTALL, {"operation": "x"})).body == {"answer": 1}
    (request,) = application.requests
    assert (request.method, request.path, request.query) == ("POST", f"/api/internal/{service.value}/install/{INSTALL}", "")
    assert request.header("x-runner-auth") == "runner-token"
    assert request.header("content-type") == "application/json"
    assert request.json == {"operation": "x"}


@pytest.mark.parametrize("suffix", ["", "/", "/api", "/api/"])
async def test_a_trailing_slash_or_api_of_the_base_is_dropped(application: RecordingServer, suffix: str) -> None:
    backend = HttpBackend(application.url + suffix, "t")
    await backend.post(Service.STORAGE, INSTALL, {})
    await backend.close()
    assert application.requests[0].path == f"/api/internal/ext-storage/install/{INSTALL}"


@pytest.mark.parametrize("install_id", ["..", "../../admin", "", f"{INSTALL}?x=1"])
async def test_an_install_id_that_is_not_a_uuid_is_never_sent(application: RecordingServer, backend: HttpBackend, install_id: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        await backend.post(Service.STORAGE, install_id, {})
    assert application.requests == []


async def test_a_response_of_any_status_is_returned(application: RecordingServer, backend: HttpBackend) -> None:
    application.answer = lambda _: Response("<h1>teapot</h1>", status_code=418)
    reply = await backend.post(Service.STORAGE, INSTALL, {})
    assert (reply.status, reply.ok, reply.body, reply.text) == (418, False, None, "<h1>teapot</h1>")


async def test_a_redirect_is_not_followed_with_the_token(application: RecordingServer, backend: HttpBackend) -> None:
    async with recording_server() as other:
        application.answer = lambda _: Response(status_code=307, headers={"location": other.url})
        assert (await backend.post(Service.STORAGE, INSTALL, {})).status == 307
        assert other.requests == []


async def test_proxies_of_the_environment_are_not_used(
    application: RecordingServer, backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    fresh = HttpBackend(application.url, "t")
    assert (await fresh.post(Service.STORAGE, INSTALL, {})).ok
    await fresh.close()


async def test_an_unreachable_application_is_unavailable() -> None:
    backend = HttpBackend(f"http://127.0.0.1:{free_port()}", "t")
    with pytest.raises(BackendUnavailable, match="transport failure"):
        await backend.post(Service.STORAGE, INSTALL, {})
    await backend.close()


async def test_an_application_that_does_not_respond_in_time_is_unavailable(application: RecordingServer) -> None:
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        await released.wait()
        return JSONResponse({})

    application.answer = hold
    backend = HttpBackend(application.url, "t", timeout=0.05)
    with pytest.raises(BackendUnavailable):
        await backend.post(Service.STORAGE, INSTALL, {})
    released.set()
    await backend.close()


async def test_a_response_that_is_too_large_is_not_read(application: RecordingServer) -> None:
    application.answer = lambda _: Response(b"x" * 200_000)
    backend = HttpBackend(application.url, "t", max_response_bytes=100_000)
    with pytest.raises(BackendUnavailable, match="too large"):
        await backend.post(Service.STORAGE, INSTALL, {})
    await backend.close()


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe", b"[" * 100_000, b'{"a":NaN}'])
async def test_a_response_that_is_not_json_has_no_body(application: RecordingServer, backend: HttpBackend, content: bytes) -> None:
    application.answer = lambda _: Response(content)
    assert (await backend.post(Service.STORAGE, INSTALL, {})).body is None


def test_the_error_text_of_a_4xx_is_the_applications_message() -> None:
    assert Reply(400, {"code": "LIMIT_EXCEEDED", "error": "value too large"}).error_text == "LIMIT_EXCEEDED: value too large (status 400)"
    assert Reply(400, {"error": "x" * 1_000}).error_text == "x" * 300
    assert Reply(404, None).error_text == "the application responded with status 404"


def test_the_error_text_of_a_5xx_hides_the_applications_message() -> None:
    assert Reply(500, {"error": "SELECT * FROM users"}).error_text == "the application responded with status 500"
