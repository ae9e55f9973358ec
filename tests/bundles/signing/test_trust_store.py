"""The file of trusted keys: strictly read, completely written, safe with several writers."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.trust_store import NO_KEYS, TRUST_STORE_MAX_BYTES, TrustChangeRejected, TrustStore, TrustStoreUnusable
from tests.bundles.signers import DAY, NOW

KEY = SecretKey.generate().public


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "etc" / "trusted-keys.json")


def written(store: TrustStore) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(store.path.read_text())
    return content


def test_a_missing_file_has_no_keys(store: TrustStore) -> None:
    assert store.read() is NO_KEYS and store.read().find(KEY.key_id) is None


def test_a_trusted_key_is_found_by_its_id_with_all_its_fields(store: TrustStore) -> None:
    trusted = store.trust(KEY, name="acme", now=NOW, expires_at=NOW + DAY, publishers=("Acme",))
    assert TrustStore(store.path).read().find(KEY.key_id) == (trusted, KEY)
    assert written(store)["keys"] == [
        {
            "id": KEY.key_id,
            "public_key": KEY.to_line(),
            "name": "acme",
            "added_at": "2030-06-01T00:00:00Z",
            "expires_at": "2030-06-02T00:00:00Z",
            "revoked_at": None,
            "reason": None,
            "publishers": ["Acme"],
        }
    ]
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o644
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["trusted-keys.json", "trusted-keys.json.lock"]


def test_trusting_a_key_again_changes_its_fields_but_not_when_it_was_added(store: TrustStore) -> None:
    store.trust(KEY, name="acme", now=NOW, expires_at=NOW + DAY)
    store.trust(KEY, name="Acme Ltd", now=NOW + DAY)
    (key,) = store.read().all
    assert (key.name, key.added_at, key.expires_at) == ("Acme Ltd", NOW, None)


def test_a_key_is_valid_until_it_expires_or_is_revoked(store: TrustStore) -> None:
    key = store.trust(KEY, name="acme", now=NOW, expires_at=NOW + DAY)
    assert key.is_valid_at(NOW) and not key.is_valid_at(NOW + DAY)
    revoked = store.revoke(KEY.key_id.lower(), now=NOW, reason="stolen")
    assert not revoked.is_valid_at(NOW)
    assert store.revoke(KEY.key_id, now=NOW + DAY) == revoked, "a key stays as it was first revoked"


def test_a_revoked_key_cannot_become_trusted_again(store: TrustStore) -> None:
    store.trust(KEY, name="acme", now=NOW)
    store.revoke(KEY.key_id, now=NOW)
    with pytest.raises(TrustChangeRejected, match="was revoked"):
        store.trust(KEY, name="acme", now=NOW)


def test_revoking_an_unknown_key_fails(store: TrustStore) -> None:
    with pytest.raises(TrustChangeRejected, match="has no key 0123"):
        store.revoke("0123", now=NOW)


def test_another_key_with_the_id_of_a_trusted_one_is_rejected(store: TrustStore) -> None:
    store.trust(KEY, name="acme", now=NOW)
    with pytest.raises(TrustStoreUnusable, match="another key with the id"):
        store.trust(SecretKey(KEY.raw_key_id, bytes(32)).public, name="impostor", now=NOW)


def test_the_keys_are_the_same_object_until_the_file_changes(store: TrustStore) -> None:
    writer = TrustStore(store.path)
    writer.trust(KEY, name="acme", now=NOW)
    first = store.read()
    assert store.read() is first
    writer.revoke(KEY.key_id, now=NOW)
    assert store.read() is not first
    assert store.read().all[0].revoked_at == NOW
    store.path.unlink()
    assert store.read() is NO_KEYS


def test_a_manual_change_of_the_file_is_noticed(store: TrustStore) -> None:
    store.trust(KEY, name="acme", now=NOW)
    store.read()
    store.path.write_text(json.dumps({"version": 1, "keys": []}))
    assert store.read().all == ()


def test_concurrent_writers_lose_no_change(store: TrustStore) -> None:
    keys = [SecretKey.generate().public for _ in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda key: TrustStore(store.path).trust(key, name="acme", now=NOW), keys))
    assert {key.id for key in store.read().all} == {key.key_id for key in keys}


def _key(**changes: Any) -> dict[str, Any]:
    return {"id": KEY.key_id, "public_key": KEY.to_line(), "name": "acme", "added_at": "2030-01-01T00:00:00Z"} | changes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["expected a JSON object"]),
        ("[]", ["object"]),
        ("-----BEGIN CERTIFICATE-----", ["expected a JSON object"]),
        ("[" * 100_000, ["expected a JSON object"]),
        ({"keys": []}, ["version"]),
        ({"version": 2, "keys": []}, ["version", "expected 1"]),
        ({"version": 1, "keys": [], "more": 1}, ["more"]),
        ({"version": 1, "keys": [_key(name=7)]}, ["keys[0].name", "str"]),
        ({"version": 1, "keys": [_key(name="")]}, ["keys[0].name"]),
        ({"version": 1, "keys": [_key(name="\x1b[31mred")]}, ["keys[0].name"]),
        ({"version": 1, "keys": [_key(added_at="2030-01-01T00:00:00")]}, ["keys[0].added_at"]),
        ({"version": 1, "keys": [_key(expires_at="soon")]}, ["keys[0].expires_at"]),
        ({"version": 1, "keys": [_key(publishers=[])]}, ["keys[0].publishers"]),
        ({"version": 1, "keys": [_key(expired=True)]}, ["expired"]),
        ({"version": 1, "keys": [_key(public_key="RWQ")]}, ["keys[0].public_key", ".pub"]),
        ({"version": 1, "keys": [_key(id="0" * 16)]}, ["keys[0].id", KEY.key_id]),
        ({"version": 1, "keys": [_key(id=KEY.key_id.lower())]}, ["keys[0].id", KEY.key_id]),
        ({"version": 1, "keys": [_key(), _key()]}, ["keys", "each id once"]),
        ({"version": 1, "keys": [_key()] * 1_001}, ["keys", "1000"]),
        ('{"version": 1, "keys": [], "keys": []}', ["twice"]),
        (" " * (TRUST_STORE_MAX_BYTES + 1), [str(TRUST_STORE_MAX_BYTES)]),
        (b"\xff\xfe\xff", ["expected a JSON object"]),
    ],
    ids=range(22),
)
def test_the_error_of_an_invalid_trust_store_names_the_file_and_the_field(store: TrustStore, content: Any, words: list[str]) -> None:
    store.path.parent.mkdir()
    data = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode()
    store.path.write_bytes(data)
    with pytest.raises(TrustStoreUnusable) as caught:
        store.read()
    assert str(store.path) in caught.value.message and "SIGNING_TRUST_BUNDLE" in str(caught.value)
    for word in words:
        assert word in caught.value.message, caught.value.message


def test_an_invalid_trust_store_is_never_overwritten(store: TrustStore) -> None:
    store.path.parent.mkdir()
    store.path.write_text("{")
    with pytest.raises(TrustStoreUnusable):
        store.trust(KEY, name="acme", now=NOW)
    assert store.path.read_text() == "{"


def test_a_name_that_could_not_be_read_back_is_not_written(store: TrustStore) -> None:
    with pytest.raises(TrustStoreUnusable, match="name"):
        store.trust(KEY, name="x" * 201, now=NOW)
    assert store.read() is NO_KEYS


def test_a_trust_store_that_is_a_symlink_is_written_to_its_target(store: TrustStore, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(store.path)
    TrustStore(link).trust(KEY, name="acme", now=NOW)
    assert link.is_symlink() and store.read().all


def test_a_folder_in_place_of_the_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TrustStoreUnusable, match="cannot be read"):
        TrustStore(tmp_path).read()


def test_a_location_that_is_not_writable_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrustStoreUnusable, match="cannot be written"):
        TrustStore(tmp_path / "file" / "trusted-keys.json").trust(KEY, name="acme", now=NOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_trust_store_raises_only_the_documented_error(store: TrustStore, at: int, damage: bytes) -> None:
    whole = json.dumps({"version": 1, "keys": [_key(expires_at=None)]}).encode()
    store.path.parent.mkdir(exist_ok=True)
    store.path.write_bytes(whole[:at] + damage + whole[at + len(damage) :])
    os.utime(store.path, ns=(at, at))
    try:
        store.read()
    except TrustStoreUnusable as error:
        assert error.message
