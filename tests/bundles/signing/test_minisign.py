"""Minisign's format in both directions: files of minisign are read, our files have the same form, malformed ones are rejected."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bundles.signing.minisign import FILE_MAX_BYTES, MalformedMinisign, PublicKey, Signature
from holdfast.bundles.signing.minisign_secret import MAX_COST, KdfCost, SecretKey, SecretKeyLocked, is_password_protected
from tests.bundles.minisign_samples import (
    KEY_ID,
    LEGACY_SIGNATURE,
    MESSAGE,
    PUBLIC_KEY,
    SEALED_KEY,
    SEALED_KEY_PASSWORD,
    SEALED_KEY_PUBLIC_LINE,
    SECRET_KEY,
    SIGNATURE,
)

CHEAP = KdfCost(operations=1 << 15, memory=1 << 20)


def test_a_public_key_of_minisign_survives_reading_and_writing() -> None:
    key = PublicKey.parse(PUBLIC_KEY)
    assert key.key_id == KEY_ID
    assert key.to_text().encode() == PUBLIC_KEY
    assert PublicKey.parse(key.to_line().encode()) == key, "the second line alone, as `minisign -P` takes it"


@pytest.mark.parametrize(("written", "algorithm"), [(SIGNATURE, b"ED"), (LEGACY_SIGNATURE, b"Ed")])
def test_signatures_of_minisign_verify_prehashed_and_legacy(written: bytes, algorithm: bytes) -> None:
    signature, key = Signature.parse(written), PublicKey.parse(PUBLIC_KEY)
    assert (signature.algorithm, signature.key_id) == (algorithm, KEY_ID)
    assert signature.to_text().encode() == written
    assert key.verifies(MESSAGE, signature)
    assert not key.verifies(MESSAGE + b"!", signature)
    assert Signature.parse(written.replace(b"\n", b"\r\n")) == signature


def test_a_changed_trusted_comment_does_not_verify_a_changed_untrusted_one_does() -> None:
    signature, key = Signature.parse(SIGNATURE), PublicKey.parse(PUBLIC_KEY)
    assert not key.verifies(MESSAGE, msgspec.structs.replace(signature, trusted_comment="another"))
    assert key.verifies(MESSAGE, msgspec.structs.replace(signature, untrusted_comment="another"))


def test_a_prehashed_signature_does_not_verify_as_a_legacy_one() -> None:
    signature, key = Signature.parse(SIGNATURE), PublicKey.parse(PUBLIC_KEY)
    assert not key.verifies(MESSAGE, msgspec.structs.replace(signature, algorithm=b"Ed"))


def test_another_key_with_the_same_id_does_not_verify() -> None:
    signature, key = Signature.parse(SIGNATURE), PublicKey.parse(PUBLIC_KEY)
    impostor = SecretKey(key.raw_key_id, bytes(32)).public
    assert impostor.key_id == key.key_id and not impostor.verifies(MESSAGE, signature)
    assert not PublicKey(bytes(8), key.key).verifies(MESSAGE, signature)


def test_a_secret_key_of_minisign_signs_here() -> None:
    secret = SecretKey.parse(SECRET_KEY)
    assert secret.public == PublicKey.parse(PUBLIC_KEY)
    assert not is_password_protected(SECRET_KEY)
    assert secret.to_text(None).encode() == SECRET_KEY
    assert secret.sign(MESSAGE, "a trusted comment").to_text().encode() == SIGNATURE.replace(b"from minisign", b"from a minisign")


def test_an_encrypted_key_opens_only_with_its_password() -> None:
    assert is_password_protected(SEALED_KEY)
    assert SecretKey.parse(SEALED_KEY, SEALED_KEY_PASSWORD).public.to_line() == SEALED_KEY_PUBLIC_LINE
    with pytest.raises(SecretKeyLocked, match="does not match"):
        SecretKey.parse(SEALED_KEY, "another")
    with pytest.raises(SecretKeyLocked, match="has a password"):
        SecretKey.parse(SEALED_KEY)


def test_a_new_key_survives_its_file_and_its_repr_shows_no_secret() -> None:
    secret = SecretKey.generate()
    written = secret.to_text("a password", CHEAP).encode()
    again = SecretKey.parse(written, "a password")
    assert again.public == secret.public
    assert secret.public.verifies(MESSAGE, again.sign(MESSAGE, ""))
    seed = base64.b64decode(secret.to_text(None).splitlines()[1])[62:94]
    assert secret.to_text(None) != secret.to_text("a password", CHEAP)
    assert seed not in base64.b64decode(written.splitlines()[1])
    assert repr(secret) == str(secret) == f"SecretKey({secret.public.key_id})"


@pytest.mark.parametrize(
    ("cost", "parameters"),
    [
        (MAX_COST, (1 << 20, 8, 1)),
        (KdfCost(1 << 22, 128 << 20), (1 << 17, 8, 1)),
        (KdfCost(0, 16 << 20), (1 << 10, 8, 1)),
        (KdfCost(524_288, 16 << 20), (1 << 14, 8, 1)),
        (KdfCost(1 << 22, 16 << 20), (1 << 14, 8, 8)),
    ],
)
def test_the_kdf_cost_means_the_same_as_in_libsodium(cost: KdfCost, parameters: tuple[int, int, int]) -> None:
    assert cost.scrypt() == parameters


def test_a_key_file_cannot_demand_unlimited_time_and_memory() -> None:
    raw = bytearray(base64.b64decode(SEALED_KEY.splitlines()[1]))
    raw[46:54] = (1 << 40).to_bytes(8, "little")
    with pytest.raises(MalformedMinisign, match="cost"):
        is_password_protected(b"untrusted comment: x\n" + base64.b64encode(raw))


def test_a_damaged_secret_key_without_password_is_rejected() -> None:
    raw = bytearray(base64.b64decode(SECRET_KEY.splitlines()[1]))
    raw[70] ^= 1
    with pytest.raises(MalformedMinisign, match="damaged"):
        SecretKey.parse(b"untrusted comment: x\n" + base64.b64encode(raw))


@pytest.mark.parametrize("comment", ["two\nlines", "a\x1b[31mcolour", "x" * 8_193], ids=["lines", "control", "long"])
def test_a_comment_that_would_break_the_file_is_not_signed(comment: str) -> None:
    with pytest.raises(MalformedMinisign):
        SecretKey.parse(SECRET_KEY).sign(MESSAGE, comment)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"a" * (FILE_MAX_BYTES + 1),
        PUBLIC_KEY,
        SIGNATURE.replace(b"RUQ", b"RUU"),
        SIGNATURE.replace(b"6gY=", b"6gZ="),
        SIGNATURE.replace(b"6gY=", b"6gY"),
        SIGNATURE.replace(b"trusted comment: a", b"comment: a"),
        SIGNATURE.replace(b"a trusted", b"a \x1b[2Jtrusted"),
        SIGNATURE + b"more\n",
        SIGNATURE[:120],
    ],
)
def test_malformed_signatures_are_rejected_with_a_reason(data: bytes) -> None:
    with pytest.raises(MalformedMinisign):
        Signature.parse(data)


def _parses(data: bytes) -> None:
    for parse in (Signature.parse, PublicKey.parse, is_password_protected):
        try:
            parse(data)
        except MalformedMinisign as error:
            assert error.message and str(data[:40]) not in error.message


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_arbitrary_bytes_raise_only_the_documented_error(data: bytes) -> None:
    _parses(data)


@given(st.sampled_from([SIGNATURE, LEGACY_SIGNATURE, PUBLIC_KEY, SEALED_KEY]), st.data())
def test_a_changed_file_raises_the_documented_error_or_does_not_verify(valid: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(valid)))
    end = data.draw(st.integers(start, min(len(valid), start + 4)))
    changed = valid[:start] + data.draw(st.binary(max_size=4)) + valid[end:]
    _parses(changed)
    try:
        signature = Signature.parse(changed)
    except MalformedMinisign:
        return
    original = Signature.parse(valid)
    untouched = msgspec.structs.replace(original, untrusted_comment="") == msgspec.structs.replace(signature, untrusted_comment="")
    assert PublicKey.parse(PUBLIC_KEY).verifies(MESSAGE, signature) == untouched
