"""The interface `storage`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse

from holdfast.hostcalls import HttpBackend
from holdfast.world.types import StorageEntry, StorageError
from tests.events.recording_server import Recorded, RecordingServer
from tests.hostcalls.calling import INSTALL, Caller


@pytest.fixture
def caller(backend: HttpBackend) -> Caller:
    return Caller(backend=backend)


def record(value: Any, metadata: Any = None, **fields: Any) -> dict[str, Any]:
    return {"namespace": "ns", "key": "k", "revision": 3, "value": value, "metadata": metadata, **fields}


async def test_a_value_is_written_as_base64_and_marked_in_its_metadata(application: RecordingServer, caller: Caller) -> None:
    application.reply({"namespace": "ns", "key": "k", "revision": 7})
    assert await caller.call("storage.put", StorageEntry("ns", "k", b"\x00\xff", None)) == StorageEntry("ns", "k", b"\x00\xff", 7)
    (request,) = application.requests
    assert request.path == f"/api/internal/ext-storage/install/{INSTALL}"
    assert request.json == {
        "operation": "put",
        "namespace": "ns",
        "key": "k",
        "value": "AP8=",
        "metadata": {"encoding": "base64-bytes"},
    }


async def test_a_revision_makes_the_write_conditional(application: RecordingServer, caller: Caller) -> None:
    application.reply({})
    assert (await caller.call("storage.put", StorageEntry("ns", "k", b"", 0))).revision is None
    assert application.requests[0].json["ifRevision"] == 0


@pytest.mark.parametrize("content", [b"", b"\x00\x01\xfe\xff", b"test", "olá".encode()])
async def test_a_guest_reads_the_bytes_that_it_wrote(application: RecordingServer, caller: Caller, content: bytes) -> None:
    stored: dict[str, Any] = {}

    def remember(request: Recorded) -> Any:
        if request.json["operation"] == "put":
            stored.update(request.json)
        return JSONResponse(record(stored["value"], stored["metadata"]))

    application.answer = remember
    await caller.call("storage.put", StorageEntry("ns", "k", content, None))
    assert (await caller.call("storage.get", "ns", "k")).value == content


@pytest.mark.parametrize(
    ("value", "metadata", "expected"),
    [
        ("test", None, b"test"),  # valid base64, but not meant as such
        ("dGVzdA==", {}, b"dGVzdA=="),
        ("olá", {"encoding": "utf-8"}, "olá".encode()),
        ({"_bytes_b64": "dGVzdA=="}, None, b"test"),
        ("dGVzdA==", {"encoding": "base64-bytes"}, b"test"),
        (None, None, b"null"),
        (12, None, b"12"),
    ],
)
async def test_values_of_other_writers_are_returned_unchanged(
    application: RecordingServer, caller: Caller, value: Any, metadata: Any, expected: bytes
) -> None:
    application.reply(record(value, metadata))
    assert await caller.call("storage.get", "ns", "k") == StorageEntry("ns", "k", expected, 3)


async def test_a_json_value_is_returned_as_json_text(application: RecordingServer, caller: Caller) -> None:
    application.reply(record({"a": [1, None, "é"]}))
    assert json.loads((await caller.call("storage.get", "ns", "k")).value) == {"a": [1, None, "é"]}


@pytest.mark.parametrize("value", ["no base64!", 12, None, "dGVzdA"])
async def test_invalid_base64_is_internal(application: RecordingServer, caller: Caller, value: Any) -> None:
    application.reply(record(value, {"encoding": "base64-bytes"}))
    assert await caller.error_case("storage.get", "ns", "k") is StorageError.INTERNAL


@pytest.mark.parametrize("body", [[], None, {}, record("x", revision=-1), record("x", revision="1"), record("x", key=1)])
async def test_a_malformed_response_is_internal(application: RecordingServer, caller: Caller, body: Any) -> None:
    application.reply(body)
    assert await caller.error_case("storage.get", "ns", "k") is StorageError.INTERNAL


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (400, StorageError.INTERNAL),
        (401, StorageError.DENIED),
        (403, StorageError.DENIED),
        (404, StorageError.MISSING),
        (409, StorageError.CONFLICT),
        (429, StorageError.DENIED),
        (500, StorageError.INTERNAL),
        (307, StorageError.INTERNAL),
    ],
)
async def test_each_status_becomes_its_error_case(application: RecordingServer, caller: Caller, status: int, case: StorageError) -> None:
    application.reply({"error": "why"}, status)
    assert await caller.error_case("storage.get", "ns", "k") is case
    assert await caller.error_case("storage.put", StorageEntry("ns", "k", b"", None)) is case
    assert await caller.error_case("storage.delete", "ns", "k") is case
    assert await caller.error_case("storage.list-entries", "ns", None) is case


async def test_the_reason_of_an_error_is_in_the_debug_stream(application: RecordingServer, caller: Caller) -> None:
    application.reply({"code": "LIMIT_EXCEEDED", "error": "value exceeds 65536 bytes"}, 400)
    await caller.error_case("storage.put", StorageEntry("ns", "k", b"", None))
    assert "LIMIT_EXCEEDED: value exceeds 65536 bytes" in caller.sink.messages[-1]


@pytest.mark.parametrize(("body", "removed"), [({"success": True}, True), ({}, True), ({"success": False}, False)])
async def test_deleting_nothing_is_a_conflict(application: RecordingServer, caller: Caller, body: Any, removed: bool) -> None:
    application.reply(body)
    if removed:
        assert await caller.call("storage.delete", "ns", "k") is None
    else:
        assert await caller.error_case("storage.delete", "ns", "k") is StorageError.CONFLICT
    assert application.requests[0].json == {"operation": "delete", "namespace": "ns", "key": "k"}


def paged(keys: list[str]) -> Any:
    """An application that pages strictly after the cursor's key, as the internal API does."""

    def respond(request: Recorded) -> Any:
        body, after = request.json, None
        if "cursor" in body:
            text = body["cursor"]
            after = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["key"]
        page = [key for key in keys if after is None or key > after][: body["limit"]]
        return JSONResponse({"items": [record("v", key=key) for key in page], "nextCursor": "opaque"})

    return respond


async def test_a_guest_reads_every_record_by_passing_the_last_key_it_received(application: RecordingServer, caller: Caller) -> None:
    keys = sorted(f"schlüssel {number:03}" for number in range(250))
    application.answer = paged(keys)
    found: list[str] = []
    cursor: str | None = None
    sizes = []
    while page := await caller.call("storage.list-entries", "ns", cursor):
        sizes.append(len(page))
        found += [entry.key for entry in page]
        cursor = page[-1].key
    assert found == keys
    assert sizes == [100, 100, 50]


async def test_a_list_requests_values_metadata_and_a_hundred_entries(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": []})
    await caller.call("storage.list-entries", "ns", None)
    await caller.call("storage.list-entries", "ns", "")
    expected = {"operation": "list", "namespace": "ns", "includeValues": True, "includeMetadata": True, "limit": 100}
    assert [request.json for request in application.requests] == [expected, expected]


async def test_one_malformed_record_fails_the_page(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": [record("x"), {"key": "no value"}]})
    assert await caller.error_case("storage.list-entries", "ns", None) is StorageError.INTERNAL


@pytest.mark.parametrize("install_id", [None, "", "not-a-uuid", "../.."])
async def test_a_call_without_a_usable_install_is_denied(
    application: RecordingServer, backend: HttpBackend, install_id: str | None
) -> None:
    assert await Caller(backend=backend, install_id=install_id).error_case("storage.get", "ns", "k") is StorageError.DENIED
    assert application.requests == []
