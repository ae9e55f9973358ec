"""The notes samples in both languages: the same routes, the same responses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, call


@pytest.fixture(params=["notes", "notes-python"])
def project(request: pytest.FixtureRequest, built: Callable[[str], Path]) -> Path:
    return built(request.param)


async def test_a_note_is_added_listed_and_deleted(engine: Engine, project: Path) -> None:
    host = MemoryHost()
    added = await call(engine, project, host, "/notes", method="POST", body=json.dumps({"text": " Call back "}).encode())
    note = added.json
    assert (added.status, note["text"], note["author"]) == (201, "Call back", "Uma User")
    assert (await call(engine, project, host, "/notes")).json == {"notes": [note], "count": 1}
    assert (await call(engine, project, host, f"/notes/{note['id']}", method="DELETE")).status == 204
    assert (await call(engine, project, host, "/notes")).json == {"notes": [], "count": 0}
    assert [message.split(" {")[0] for _, message in host.logs] == ["Note added", "Note deleted"]


async def test_every_note_of_many_is_listed_newest_first(engine: Engine, project: Path) -> None:
    host = MemoryHost()
    for number in range(5):
        await call(engine, project, host, "/notes", method="POST", body=json.dumps({"data": f"note {number}"}).encode())
    notes = (await call(engine, project, host, "/notes")).json["notes"]
    assert sorted(note["text"] for note in notes) == [f"note {n}" for n in range(5)]
    assert [note["createdAt"] for note in notes] == sorted((note["createdAt"] for note in notes), reverse=True)


async def test_a_note_of_a_call_without_a_user_has_no_author(engine: Engine, project: Path) -> None:
    response = await call(engine, project, MemoryHost(user=None), "/notes", method="POST", body=b'{"data": "test"}')
    assert (response.status, response.json["text"], response.json["author"]) == (201, "test", None)


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"no json", "invalid_json"), (b"[]", "validation_failed"), (b'{"text": " "}', "validation_failed"), (None, "validation_failed")],
)
async def test_an_invalid_note_is_rejected(engine: Engine, project: Path, body: bytes | None, error: str) -> None:
    response = await call(engine, project, MemoryHost(), "/notes", method="POST", body=body)
    assert (response.status, response.json["error"]) == (400, error)


async def test_unknown_notes_and_routes_are_not_found(engine: Engine, project: Path) -> None:
    host = MemoryHost()
    for method, url in (("DELETE", "/notes/00000000-0000-4000-8000-000000000000"), ("PUT", "/notes"), ("GET", "/elsewhere")):
        response = await call(engine, project, host, url, method=method)
        assert (response.status, response.json["error"]) == (404, "not_found")
