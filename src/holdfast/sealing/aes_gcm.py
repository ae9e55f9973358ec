"""Secrets sealed with a local key: AES-256-GCM, bound to tenant and install."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

import msgspec

from holdfast.sealing.errors import CannotOpen
from holdfast.sealing.keyring import Key

ALGORITHM = "aes-gcm:v1"
NONCE_BYTES = 12
_TAG_BYTES = 16
_LABEL = "holdfast install secrets v1"


def seal(values: Mapping[str, str], key: Key, *, tenant_id: str, install_id: str) -> str:
    """Seals secrets (name to value): base64 of a random nonce, the ciphertext and its tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    plaintext = msgspec.json.encode(dict(values), order="sorted")
    return base64.b64encode(nonce + AESGCM(key.secret).encrypt(nonce, plaintext, _bound_to(tenant_id, install_id))).decode()


def open_sealed(ciphertext_b64: str, key: Key, *, tenant_id: str, install_id: str) -> dict[str, str]:
    """The secrets that were sealed with this key for this tenant and install. Raises CannotOpen for anything else."""
    # Imported when there are secrets: many calls have none, and a runner starts sooner.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sealed = base64.b64decode(ciphertext_b64.strip(), validate=True)
    except ValueError:
        raise CannotOpen("The sealed secrets are not base64.") from None
    if len(sealed) < NONCE_BYTES + _TAG_BYTES:
        raise CannotOpen("The sealed secrets are truncated.")
    try:
        plaintext = AESGCM(key.secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(tenant_id, install_id))
        return msgspec.json.decode(plaintext, type=dict[str, str])
    except InvalidTag:
        raise CannotOpen("The sealed secrets were changed, or sealed for another tenant or install.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The parser's own message could quote the content.
        raise CannotOpen("The sealed secrets do not hold a JSON object of strings.") from None


def _bound_to(tenant_id: str, install_id: str) -> bytes:
    """The associated data: a row that was moved to another install or tenant does not open. A JSON list, because it is unambiguous."""
    return msgspec.json.encode([_LABEL, tenant_id, install_id])
