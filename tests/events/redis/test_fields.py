"""The format of events in Redis."""

from __future__ import annotations

import pytest

from holdfast.events.redis.fields import common_key, from_fields, stream_key, to_fields
from tests.events.conftest import MakeEvent


@pytest.mark.parametrize(
    ("prefix", "tenant", "extension", "key"),
    [
        ("ext-debug:", "T1", "E1", "ext-debug:t1:e1"),
        ("ext:debug", "T1", "E1", "ext:debugt1:e1"),
        ("ext-debug:", "T1", "", "ext-debug:t1"),
        ("ext-debug:", "", "E1", "ext-debug:e1"),
        ("ext-debug:", "", "", "ext-debug:unknown"),
        ("", "t", "e", "t:e"),
    ],
)
def test_a_stream_is_named_by_prefix_tenant_and_extension_in_lower_case(prefix: str, tenant: str, extension: str, key: str) -> None:
    assert stream_key(prefix, tenant, extension) == key


@pytest.mark.parametrize(("prefix", "key"), [("ext-debug:", None), ("ext:debug", "ext:debug"), ("", None)])
def test_a_prefix_without_a_final_colon_is_also_a_stream(prefix: str, key: str | None) -> None:
    assert common_key(prefix) == key


def test_an_entry_has_the_fields_of_the_contract_without_ids_that_are_not_set(make_event: MakeEvent) -> None:
    bare = {"ts": "1", "level": "info", "stream": "log", "tenant": "t", "extension": "e", "message": "m", "truncated": "0"}
    assert to_fields(make_event("m")) == bare
    full = make_event("m", install_id="i", request_id="r", version_id="v", content_hash="sha256:x", truncated=True)
    more = {"install": "i", "request": "r", "version": "v", "content_hash": "sha256:x", "truncated": "1"}
    assert to_fields(full) == bare | more
    without_ids = to_fields(make_event("m", tenant_id="", extension_id=""))
    assert "tenant" not in without_ids and "extension" not in without_ids


def test_an_incomplete_entry_of_another_writer_is_read_with_defaults() -> None:
    event = from_fields({"ts": "2026-01-02T03:04:05+00:00", "level": "fatal", "stream": "wasm", "truncated": "true"})
    assert (event.ts, event.level, event.stream, event.truncated) == (1_767_323_045_000, "info", "log", True)
    assert from_fields({}).ts == from_fields({"ts": "yesterday"}).ts == 0
