"""What is sealed with a key of ours opens with that key, for that tenant and install, and in no other way."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sealing.aes_gcm import NONCE_BYTES, open_sealed, seal
from holdfast.sealing.errors import CannotOpen
from holdfast.sealing.keyring import Key

KEY, OTHER_KEY = Key.from_secret(b"1" * 32), Key.from_secret(b"2" * 32)
OWNER = {"tenant_id": "t1", "install_id": "i1"}
SECRETS = {"API_KEY": "k-123", "ü": "\x00\U0001f511"}


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_what_was_sealed_is_opened(values: dict[str, str]) -> None:
    assert open_sealed(seal(values, KEY, **OWNER), KEY, **OWNER) == values


def test_the_same_secrets_are_never_sealed_alike() -> None:
    assert len({seal(SECRETS, KEY, **OWNER)[:16] for _ in range(100)}) == 100


def test_another_reader_of_the_format_opens_it_too() -> None:
    raw = base64.b64decode(seal({"a": "1"}, KEY, **OWNER))
    plaintext = AESGCM(b"1" * 32).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], b'["holdfast install secrets v1","t1","i1"]')
    assert plaintext == b'{"a":"1"}'


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        (OTHER_KEY, OWNER),
        (KEY, OWNER | {"tenant_id": "t2"}),
        (KEY, OWNER | {"install_id": "i2"}),
        (KEY, {"tenant_id": "i1", "install_id": "t1"}),
        (KEY, {"tenant_id": 't1","i1', "install_id": ""}),
    ],
)
def test_another_key_tenant_or_install_does_not_open_it(key: Key, owner: dict[str, str]) -> None:
    with pytest.raises(CannotOpen):
        open_sealed(seal(SECRETS, KEY, **OWNER), key, **owner)


def test_a_change_of_any_byte_is_seen() -> None:
    raw = base64.b64decode(seal({"a": "1"}, KEY, **OWNER))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(CannotOpen):
            open_sealed(base64.b64encode(changed).decode(), KEY, **OWNER)


@pytest.mark.parametrize("text", ["", "%", "AAAA", base64.b64encode(bytes(27)).decode(), base64.b64encode(bytes(28)).decode()])
def test_what_is_nothing_sealed_does_not_open(text: str) -> None:
    with pytest.raises(CannotOpen):
        open_sealed(text, KEY, **OWNER)


def test_content_of_another_shape_fails_without_being_quoted() -> None:
    sealed = AESGCM(KEY.secret).encrypt(bytes(NONCE_BYTES), b'{"a":["top-secret"]}', b'["holdfast install secrets v1","t1","i1"]')
    with pytest.raises(CannotOpen) as failure:
        open_sealed(base64.b64encode(bytes(NONCE_BYTES) + sealed).decode(), KEY, **OWNER)
    assert "top-secret" not in str(failure.value) + repr(failure.value.__context__)
