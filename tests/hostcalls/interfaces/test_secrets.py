"""The interface `secrets`, and inline envelopes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.hostcalls import SecretDecryptFailed, open_inline_envelope
from holdfast.hostcalls.secret_envelope.envelope import is_expired
from holdfast.world.capabilities import Capability
from holdfast.world.types import SecretError
from tests.hostcalls.calling import ALL, Caller


def envelope(content: Any = None, **fields: Any) -> SecretEnvelope:
    text = base64.b64encode(json.dumps({"a": "1", "b": "2"} if content is None else content).encode()).decode()
    given: dict[str, Any] = {"ciphertext_b64": text, **fields}
    return SecretEnvelope(**given)


@pytest.mark.parametrize("algorithm", [None, "", "inline", " Inline/Base64 "])
def test_an_inline_envelope_is_opened_where_it_is_allowed(algorithm: str | None) -> None:
    assert open_inline_envelope(envelope(algorithm=algorithm, version="v1"), allow_inline=True) == {"a": "1", "b": "2"}


def test_an_inline_envelope_is_rejected_where_it_is_not_allowed() -> None:
    with pytest.raises(SecretDecryptFailed, match="not encrypted"):
        open_inline_envelope(envelope(), allow_inline=False)


@pytest.mark.parametrize("algorithm", ["vault-transit", "aes-gcm", "none"])
def test_an_unknown_algorithm_is_never_treated_as_inline(algorithm: str) -> None:
    with pytest.raises(SecretDecryptFailed, match=algorithm) as failure:
        open_inline_envelope(envelope(algorithm=algorithm), allow_inline=True)
    assert failure.value.code == "secret_decrypt_failed"
    assert failure.value.hint


def test_a_blank_envelope_has_no_secrets() -> None:
    assert open_inline_envelope(SecretEnvelope(ciphertext_b64="  "), allow_inline=True) == {}


@pytest.mark.parametrize("content", [["top-secret"], {"k": {"top-secret": 1}}, "top-secret", {"k": 1}])
def test_malformed_content_fails_without_being_quoted(content: object) -> None:
    with pytest.raises(SecretDecryptFailed) as failure:
        open_inline_envelope(envelope(content), allow_inline=True)
    assert "top-secret" not in str(failure.value)


@pytest.mark.parametrize("text", ["not base64!", "e30", "/w==", base64.b64encode(b"[" * 100_000).decode()])
def test_unreadable_content_fails(text: str) -> None:
    with pytest.raises(SecretDecryptFailed):
        open_inline_envelope(SecretEnvelope(ciphertext_b64=text), allow_inline=True)


def test_an_expired_envelope_is_not_opened() -> None:
    assert open_inline_envelope(envelope(expires_at="2001-01-01T00:00:00Z"), allow_inline=True) == {}


def test_an_expiry_is_read_with_and_without_time_zone() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert is_expired(envelope(expires_at="2030-01-01T12:00:00Z"), now=noon)
    assert not is_expired(envelope(expires_at="2030-01-01T12:00:01"), now=noon)
    assert is_expired(envelope(expires_at="2030-01-01T13:30:00+02:00"), now=noon)
    assert not is_expired(envelope(), now=noon)


def test_an_expiry_that_is_not_a_time_fails() -> None:
    with pytest.raises(SecretDecryptFailed, match="expires_at"):
        open_inline_envelope(envelope(expires_at="tomorrow"), allow_inline=True)


async def test_a_guest_receives_its_secrets_and_their_names() -> None:
    caller = Caller(secrets={"b": "2", "a": "1"})
    assert await caller.call("secrets.get", "a") == "1"
    assert await caller.call("secrets.list-keys") == ["a", "b"]
    assert await caller.error_case("secrets.get", "nope") is SecretError.MISSING


async def test_without_the_capability_a_secret_is_denied_and_the_list_is_empty() -> None:
    caller = Caller(granted=ALL - {Capability.SECRETS_GET}, secrets={"a": "value-of-a"})
    assert await caller.error_case("secrets.get", "a") is SecretError.DENIED
    assert await caller.call("secrets.list-keys") == []


async def test_a_secret_of_an_expired_envelope_is_expired() -> None:
    caller = Caller(secrets={"a": "1"}, envelope=envelope(expires_at="2001-01-01T00:00:00Z"))
    assert await caller.error_case("secrets.get", "a") is SecretError.EXPIRED
    assert await caller.call("secrets.list-keys") == []


async def test_events_contain_no_names_and_values_of_secrets() -> None:
    caller = Caller(secrets={"a-name": "value-of-a"})
    await caller.call("secrets.get", "a-name")
    await caller.call("secrets.list-keys")
    assert len(caller.sink.events) == 2
    assert not [message for message in caller.sink.messages if "a-name" in message or "value-of-a" in message]
