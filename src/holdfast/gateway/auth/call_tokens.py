"""Tokens that stand for one running call: with them, a request through ui-proxy has the rights of the call's own caller, and no others.

    caller ── call ──▶ gateway ── call and token ──▶ runner ── guest: ui-proxy.call-route
                          ▲                            │
                          └── route and token ─────────┘   token → credential, as of now → user, permissions

A token names the credential of the caller, so it ends with the session or key, and the scopes of a key hold. It is encrypted, and the guest
never sees it. The runner has the key, as it has the service token; but it can only name credentials that called through it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime

import msgspec
from msgspec import Struct

MAX_LENGTH = 1_024
_NONCE_BYTES = 12
_LABEL = b"holdfast call token v1\n"


class CallToken(Struct, frozen=True, array_like=True):
    """The call: the hash of the caller's credential, whether that is an API key, tenant and install, and the end as a Unix time."""

    credential_hash: str
    is_key: bool
    tenant_id: str
    install_id: str
    ends_at: int


class CallTokens:
    """Makes and reads the tokens of all gateways with the same service token."""

    def __init__(self, service_token: str) -> None:
        self._key = hashlib.sha256(_LABEL + service_token.encode()).digest()

    def issue(self, token: CallToken) -> str:
        """The token as text for a header."""
        # Imported for the first such call: most gateways need it for secrets only, or never.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, msgspec.json.encode(token), _LABEL)
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def read(self, text: str, now: datetime) -> CallToken | None:
        """The call that the token stands for; None for a token that has ended, or that is not one of ours."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(text) > MAX_LENGTH:
            return None
        try:
            sealed = base64.urlsafe_b64decode(text.encode("ascii"))
            plain = AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _LABEL)
            token = msgspec.json.decode(plain, type=CallToken)
        except (ValueError, InvalidTag, msgspec.MsgspecError):
            return None
        return token if now.timestamp() < token.ends_at else None
