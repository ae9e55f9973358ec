"""Envelopes sealed with a key of the keyring, as the runner opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.events import MemoryStream
from holdfast.hostcalls import CallContext, HostServices, SecretDecryptFailed
from holdfast.hostcalls.secret_envelope.sealed import SealedEnvelopes
from holdfast.sealing.aes_gcm import seal
from holdfast.sealing.errors import SecretsKeyUnusable
from holdfast.sealing.keyring import Key, KeySource, new_key_text
from holdfast.settings import Settings

CALL = CallContext(request_id="r", tenant_id="t1", extension_id="e1", install_id="i1")
SECRETS = {"API_KEY": "k-123", "OTHER": "ü"}


@pytest.fixture
def keys(tmp_path: Path) -> KeySource:
    source = KeySource(variable=None, file=tmp_path / "secrets.key")
    source.create_if_missing()
    return source


def envelope(key: Key, **fields: Any) -> SecretEnvelope:
    text = seal(SECRETS, key, tenant_id="t1", install_id="i1")
    return SecretEnvelope(**({"ciphertext_b64": text, "algorithm": "aes-gcm:v1", "key_path": key.id} | fields))


async def test_the_opened_secrets_equal_the_sealed_ones(keys: KeySource) -> None:
    assert await SealedEnvelopes(keys).open(envelope(keys.read().newest), CALL) == SECRETS


@pytest.mark.parametrize(
    "call",
    [
        CallContext(request_id="r", tenant_id="t2", extension_id="e1", install_id="i1"),
        CallContext(request_id="r", tenant_id="t1", extension_id="e1", install_id="i2"),
        CallContext(request_id="r", tenant_id="t1", extension_id="e1"),
    ],
    ids=["another tenant", "another install", "no install"],
)
async def test_no_other_call_can_open_them(keys: KeySource, call: CallContext) -> None:
    with pytest.raises(SecretDecryptFailed) as failure:
        await SealedEnvelopes(keys).open(envelope(keys.read().newest), call)
    assert "k-123" not in str(failure.value)


async def test_after_a_rotation_old_and_new_envelopes_open_without_a_restart(keys: KeySource) -> None:
    opener = SealedEnvelopes(keys)
    before = envelope(keys.read().newest)
    after = envelope(keys.add())
    assert await opener.open(after, CALL) == SECRETS
    assert await opener.open(before, CALL) == SECRETS


async def test_keys_added_after_the_start_are_found(tmp_path: Path) -> None:
    source = KeySource(variable=None, file=tmp_path / "secrets.key")
    opener = SealedEnvelopes(source)
    with pytest.raises(SecretDecryptFailed, match="HOLDFAST_SECRETS_KEY"):
        await opener.open(envelope(Key.from_secret(bytes(32))), CALL)
    source.create_if_missing()
    assert await opener.open(envelope(source.read().newest), CALL) == SECRETS


@pytest.mark.parametrize("key_path", [None, "", "0123456789abcdef", "../secrets.key"])
async def test_a_missing_key_is_reported_with_a_remedy(keys: KeySource, key_path: str | None) -> None:
    with pytest.raises(SecretDecryptFailed, match="HOLDFAST_SECRETS_KEY"):
        await SealedEnvelopes(keys).open(envelope(keys.read().newest, key_path=key_path), CALL)


async def test_blank_content_is_no_secrets(keys: KeySource) -> None:
    assert await SealedEnvelopes(keys).open(envelope(keys.read().newest, ciphertext_b64=" "), CALL) == {}


@pytest.fixture
def services(tmp_path: Path) -> Callable[..., HostServices]:
    def make(**fields: Any) -> HostServices:
        return HostServices.from_settings(
            Settings(**({"_env_file": None, "data_dir": tmp_path, "environment": "production"} | fields)), MemoryStream()
        )

    return make


async def test_the_settings_name_the_keys_and_an_expired_envelope_is_not_opened(
    keys: KeySource, services: Callable[..., HostServices]
) -> None:
    host = services()
    try:
        newest = keys.read().newest
        assert await host.open_secrets(envelope(newest), CALL) == SECRETS
        assert await host.open_secrets(envelope(newest, algorithm=" AES-GCM:v1 "), CALL) == SECRETS
        assert await host.open_secrets(envelope(newest, expires_at="2020-01-01T00:00:00Z"), CALL) == {}
        with pytest.raises(SecretDecryptFailed, match="aes-gcm:v2"):
            await host.open_secrets(envelope(newest, algorithm="aes-gcm:v2"), CALL)
    finally:
        await host.close()


async def test_a_runner_without_keys_starts_and_one_with_invalid_keys_does_not(services: Callable[..., HostServices]) -> None:
    await services().close()
    variable = new_key_text()
    await services(secrets_key=variable).close()
    with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY"):
        services(secrets_key=variable[:-1])
