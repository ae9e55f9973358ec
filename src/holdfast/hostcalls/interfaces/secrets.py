"""The interface `secrets`: the values of the install's secrets."""

from __future__ import annotations

from holdfast.hostcalls.interfaces.session import Session
from holdfast.hostcalls.secret_envelope.envelope import is_expired
from holdfast.world.functions import WitError
from holdfast.world.types import SecretError


async def get(session: Session, key: str) -> str:
    """The value of one secret. Raises `expired` when the envelope has expired, `missing` when it has no such secret."""
    envelope = session.call.secrets
    if envelope is not None and is_expired(envelope):
        raise WitError(SecretError.EXPIRED)
    try:
        return session.secrets[key]
    except KeyError:
        raise WitError(SecretError.MISSING) from None


async def list_keys(session: Session) -> list[str]:
    """The names of all secrets, sorted; none when the envelope has expired."""
    envelope = session.call.secrets
    if envelope is not None and is_expired(envelope):
        return []
    return sorted(session.secrets)
