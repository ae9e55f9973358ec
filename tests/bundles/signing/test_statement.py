"""The signed bytes: equal for equal facts, different for different facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.manifest.model import parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError, ManifestMissing
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.store.hashing import hash_file
from tests.bundles.archives import archive, bundle, regular

DIGEST = "a" * 64
MANIFEST: dict[str, Any] = {
    "name": "com.example.notes",
    "publisher": "acme",
    "version": "1.0.0",
    "runtime": "wasm-js@1",
    "capabilities": ["storage.kv", "cap:http.fetch", "log"],
    "egress": ["b.example.com", "A.example.com:8443"],
}


def statement(digest: str = DIGEST, **changes: Any) -> Statement:
    fields = {name: value for name, value in (MANIFEST | changes).items() if value is not None}
    return Statement.from_manifest(parse_manifest(json.dumps(fields).encode()), digest)


def test_the_statement_is_one_line_of_canonical_json() -> None:
    assert statement().to_bytes() == (
        b'{"bundle":"sha256:' + DIGEST.encode() + b'","capabilities":["cap:http.fetch","cap:log.emit","cap:storage.kv"],'
        b'"egress":["a.example.com:8443","b.example.com"],"name":"com.example.notes","publisher":"acme",'
        b'"type":"holdfast-bundle-statement/1","version":"1.0.0"}\n'
    )


def test_the_order_of_lists_in_the_manifest_does_not_matter() -> None:
    written = statement(
        capabilities=["cap:log.emit", "http.fetch", "CAP:STORAGE.KV", "log"], egress=["a.example.com:8443"] * 2 + ["B.example.com"]
    )
    assert written.to_bytes() == statement().to_bytes()
    assert statement(f"sha256:{DIGEST.upper()}") == statement()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "com.example.other"},
        {"publisher": "other"},
        {"publisher": None},
        {"version": "1.0.1"},
        {"capabilities": ["http.fetch"]},
        {"egress": ["b.example.com"]},
        {"digest": "b" * 64},
    ],
)
def test_every_fact_changes_the_bytes(change: dict[str, Any]) -> None:
    assert statement(**change).to_bytes() != statement().to_bytes()


def test_without_publisher_the_statement_has_no_such_field_and_text_is_utf8() -> None:
    signed = statement(publisher=None, name="com.exämple.notes").to_bytes()
    assert "publisher" not in json.loads(signed) and "exämple".encode() in signed


def test_an_archive_is_described_by_its_own_manifest_and_hash(tmp_path: Path) -> None:
    packed = bundle(tmp_path / "b.tar.zst", {"manifest.json": json.dumps(MANIFEST).encode()})
    assert Statement.from_archive(packed) == statement(hash_file(packed))


def test_an_archive_that_an_earlier_release_published_has_a_statement_whatever_its_schedules_are(tmp_path: Path) -> None:
    api = {"endpoints": [{"method": "GET", "path": "/a", "handler": "dist/main", "schedulable": True}]}
    old = MANIFEST | {"api": api, "schedules": [{"endpoint": "/a", "cron": "99 9 * * *"}]}
    packed = bundle(tmp_path / "b.tar.zst", {"manifest.json": json.dumps(old).encode()})
    with pytest.raises(ManifestError, match=r"schedules\[0\]\.cron"):
        Statement.from_archive(packed)
    assert Statement.from_archive(packed, is_stored=True) == statement(hash_file(packed))


def test_an_archive_without_a_manifest_has_no_statement(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissing):
        Statement.from_archive(archive(tmp_path / "b.tar.zst", regular("dist/main.wasm")))
