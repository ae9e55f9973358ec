"""A component is checked before it is published: compiled and linked against the world. The guest does not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.runner.endpoints import component_check
from holdfast.runner.services.services import MAX_COMPONENT_CHECKS
from tests.engine.guests import RETURN, assemble, module, sha256
from tests.runner import guests
from tests.runner.conftest import TOKEN, Runner
from tests.waiting import MAX_WAIT_SECONDS

PATH = "/v1/components/check"
HEADERS = {"x-runner-service-token": TOKEN, "content-type": "application/wasm"}


async def test_a_valid_component_is_compiled_into_the_folder_of_artifacts(runner: Runner) -> None:
    wasm = guests.fine()
    response = await runner.client.post(PATH, content=wasm.read_bytes(), headers=HEADERS)
    assert (response.status_code, response.json()) == (200, {"ok": True, "sha256": sha256(wasm)})
    assert list(runner.services.settings.resolved_artifact_root.glob(f"{sha256(wasm)}-*.cwasm"))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "not_a_component"), (b"no wasm at all", "not_a_component"), (b"\0asm\1\0\0\0", "not_a_component")],
    ids=["empty", "garbage", "core module"],
)
async def test_a_file_that_is_not_a_component_is_rejected_with_the_reason(runner: Runner, content: bytes, code: str) -> None:
    response = await runner.client.post(PATH, content=content, headers=HEADERS)
    assert (response.status_code, response.json()["error"]) == (422, code)
    assert response.json()["message"]


async def test_a_component_of_another_world_is_rejected_with_the_name_of_the_mismatch(runner: Runner) -> None:
    wit = runner.root / "other.wit"
    wit.write_text("package other:thing; world other { export other: func() -> u32; }")
    foreign = assemble('(module (func (export "other") (result i32) (i32.const 1)))', world_name="other", wit=wit)
    response = await runner.client.post(PATH, content=foreign.read_bytes(), headers=HEADERS)
    assert (response.status_code, response.json()["error"]) == (422, "handler_missing")


async def test_a_rejected_component_is_checked_again_the_next_time(runner: Runner) -> None:
    assert (await runner.client.post(PATH, content=b"no", headers=HEADERS)).status_code == 422
    assert (await runner.client.post(PATH, content=guests.fine().read_bytes(), headers=HEADERS)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"x-runner-service-token": "wrong"}])
async def test_a_check_needs_the_service_token(runner: Runner, headers: dict[str, str]) -> None:
    response = await runner.client.post(PATH, content=b"", headers={"content-type": "application/wasm", **headers})
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized")


async def test_a_body_of_another_type_is_rejected(runner: Runner) -> None:
    response = await runner.client.post(PATH, json={}, headers={"x-runner-service-token": TOKEN})
    assert (response.status_code, response.json()["error"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("declared", [True, False])
async def test_a_component_that_is_too_large_is_not_read_to_its_end(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(component_check, "COMPONENT_MAX_BYTES", 1_000)
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000:
            sent += 600
            yield bytes(600)

    headers = HEADERS | ({"content-length": "100200"} if declared else {})
    response = await runner.unchecked().post(PATH, content=pieces(), headers=headers)
    assert (response.status_code, response.json()["error"]) == (413, "body_too_large")
    assert sent == (0 if declared else 1_200)


async def test_a_body_that_stalls_is_rejected_and_frees_its_slot(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(component_check, "BODY_SECONDS", 0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.client.base_url.port)
        lines = [
            "POST /v1/components/check HTTP/1.1",
            "host: runner",
            "content-length: 100",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
        ]
        for _ in range(MAX_COMPONENT_CHECKS + 1):
            writer.write("\r\n".join([*lines, "", "some"]).encode())
            assert b" 408 " in await asyncio.wait_for(reader.readline(), MAX_WAIT_SECONDS)
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", runner.client.base_url.port)
        writer.close()
    # With the ordinary limit again: a busy machine may need more than 0.05 s to send this body.
    assert (await runner.client.post(PATH, content=guests.fine().read_bytes(), headers=HEADERS)).status_code == 200


async def test_many_checks_of_one_component_at_once_all_succeed(runner: Runner) -> None:
    content = assemble(module(RETURN + "\n(; many at once ;)")).read_bytes()
    responses = await asyncio.gather(*(runner.client.post(PATH, content=content, headers=HEADERS) for _ in range(8)))
    assert [response.status_code for response in responses] == [200] * 8
