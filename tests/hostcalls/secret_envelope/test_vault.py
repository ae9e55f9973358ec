"""Envelopes sealed by Vault's transit engine."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.events import MemoryStream
from holdfast.hostcalls import CallContext, HostServices, SecretDecryptFailed
from holdfast.hostcalls.secret_envelope.vault import VaultTransit
from holdfast.settings import Settings
from tests.hostcalls.vault_server import VaultServer, sealed

CALL = CallContext(request_id="r", tenant_id="t1", extension_id="e1", install_id="i1")
SECRETS = {"API_KEY": "k-123", "OTHER": "ü"}


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with VaultServer() as running:
        yield running


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("hvs.token\n")
    return path


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def vault(server: VaultServer, token_file: Path, clock: Clock) -> AsyncIterator[VaultTransit]:
    made = VaultTransit(server.address + "/", token_file, namespace="team", now=clock)
    yield made
    await made.close()


def envelope(secrets: dict[str, str] | None = None, **fields: Any) -> SecretEnvelope:
    given: dict[str, Any] = {"ciphertext_b64": sealed(SECRETS if secrets is None else secrets), "algorithm": "vault-transit:v1"}
    return SecretEnvelope(**(given | {"key_path": "extensions/t1", "version": "v1"} | fields))


async def test_the_opened_secrets_equal_the_sealed_ones(vault: VaultTransit, server: VaultServer) -> None:
    assert await vault.open(envelope(), CALL) == SECRETS
    path, headers, body = server.requests[0]
    assert path == "/v1/transit/decrypt/extensions/t1"
    assert (headers["x-vault-token"], headers["x-vault-namespace"]) == ("hvs.token", "team")
    assert body == {"ciphertext": sealed(SECRETS)}


async def test_the_envelope_may_name_another_mount(vault: VaultTransit, server: VaultServer) -> None:
    await vault.open(envelope(mount="/other/"), CALL)
    assert server.requests[0][0] == "/v1/other/decrypt/extensions/t1"


@pytest.mark.parametrize(
    "fields",
    [
        {"key_path": None},
        {"key_path": " "},
        {"key_path": "../../sys/seal"},
        {"key_path": "a/../b"},
        {"key_path": "a?x"},
        {"key_path": "a%2e"},
        {"key_path": "a//b"},
        {"mount": ".."},
        {"mount": "a b"},
        {"key_path": "k" * 200},
    ],
    ids=str,
)
async def test_a_key_or_mount_that_is_not_a_plain_path_is_rejected_without_a_request(
    vault: VaultTransit, server: VaultServer, fields: dict[str, Any]
) -> None:
    with pytest.raises(SecretDecryptFailed):
        await vault.open(envelope(**fields), CALL)
    assert server.requests == []


async def test_opened_secrets_are_cached_for_thirty_seconds(vault: VaultTransit, server: VaultServer, clock: Clock) -> None:
    await vault.open(envelope(), CALL)
    clock.now = 29.9
    assert await vault.open(envelope(), CALL) == SECRETS
    assert len(server.requests) == 1
    clock.now = 30.0
    await vault.open(envelope(), CALL)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "other",
    [
        (envelope({"API_KEY": "new"}), CALL),
        (envelope(version="v2"), CALL),
        (envelope(key_path="extensions/t2"), CALL),
        (envelope(), CallContext(request_id="r", tenant_id="t2", extension_id="e1", install_id="i1")),
        (envelope(), CallContext(request_id="r", tenant_id="t1", extension_id="e1", install_id="i2")),
    ],
)
async def test_a_different_envelope_is_never_served_from_the_cache(
    vault: VaultTransit, server: VaultServer, other: tuple[SecretEnvelope, CallContext]
) -> None:
    await vault.open(envelope(), CALL)
    await vault.open(*other)
    assert len(server.requests) == 2


async def test_a_renewed_token_is_used_at_once(vault: VaultTransit, server: VaultServer, token_file: Path) -> None:
    server.token = "renewed"
    token_file.write_text("renewed")
    assert await vault.open(envelope(), CALL) == SECRETS


async def test_blank_content_is_no_secrets(vault: VaultTransit, server: VaultServer) -> None:
    assert await vault.open(envelope(ciphertext_b64=" "), CALL) == {}
    assert server.requests == []


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ((403, b"{}"), "status 403"),
        ((302, b""), "status 302"),
        ((200, b"no json"), "transit engine"),
        ((200, b'{"data":{}}'), "transit engine"),
        ((200, b'{"data":{"plaintext":"%"}}'), "not base64"),
        ((200, b'{"data":{"plaintext":"WzFd"}}'), "JSON object"),
        ((200, b" " * 2_000_000), "too large"),
    ],
    ids=["403", "302", "no JSON", "no plaintext", "not base64", "not an object", "too large"],
)
async def test_an_error_or_malformed_response_of_vault_is_reported_without_quoting_it(
    vault: VaultTransit, server: VaultServer, response: tuple[int, bytes], message: str
) -> None:
    server.answer = response
    with pytest.raises(SecretDecryptFailed, match=message) as failure:
        await vault.open(envelope(), CALL)
    assert "hvs.token" not in str(failure.value) and "k-123" not in str(failure.value)


async def test_after_a_failure_the_next_call_tries_again(vault: VaultTransit, server: VaultServer) -> None:
    server.answer = (503, b"sealed")
    with pytest.raises(SecretDecryptFailed):
        await vault.open(envelope(), CALL)
    server.answer = None
    assert await vault.open(envelope(), CALL) == SECRETS


@pytest.mark.parametrize("content", [None, "", "a\x00b", "ü"])
async def test_an_unusable_token_file_is_reported_by_its_variable(server: VaultServer, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "absent"
    if content is not None:
        path.write_text(content)
    vault = VaultTransit(server.address, path)
    with pytest.raises(SecretDecryptFailed, match="ALGA_VAULT_TOKEN_FILE"):
        await vault.open(envelope(), CALL)
    await vault.close()


async def test_an_unavailable_or_silent_vault_is_reported_by_its_variable(token_file: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        vault = VaultTransit(f"http://127.0.0.1:{silent.getsockname()[1]}", token_file, timeout=0.05)
        with pytest.raises(SecretDecryptFailed, match="VAULT_ADDR"):
            await vault.open(envelope(), CALL)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
    gone = VaultTransit(address, token_file)
    with pytest.raises(SecretDecryptFailed, match="VAULT_ADDR"):
        await gone.open(envelope(), CALL)
    await vault.close()
    await gone.close()


@pytest.mark.parametrize("address", ["", "vault:8200", "ftp://vault", "http://"])
def test_an_invalid_address_is_rejected_at_start(address: str, tmp_path: Path) -> None:
    with pytest.raises(SecretDecryptFailed, match="VAULT_ADDR"):
        VaultTransit(address, tmp_path)


async def test_the_settings_name_vault_and_an_expired_envelope_is_never_sent(server: VaultServer, token_file: Path) -> None:
    fields: dict[str, Any] = {"_env_file": None, "vault_addr": server.address, "vault_token_file": token_file, "environment": "production"}
    services = HostServices.from_settings(Settings(**fields), MemoryStream())
    try:
        assert await services.open_secrets(envelope(), CALL) == SECRETS
        assert await services.open_secrets(envelope(expires_at="2020-01-01T00:00:00Z"), CALL) == {}
        assert len(server.requests) == 1
        with pytest.raises(SecretDecryptFailed, match="not encrypted"):
            await services.open_secrets(envelope(algorithm="inline/base64"), CALL)
    finally:
        await services.close()
