"""Passwords: hashed and verified with Argon2id, off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MAX_PASSWORD_LENGTH = 1_024
# 19 MiB, two passes, one lane: the lower of the two parameter sets OWASP recommends for Argon2id.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified for names nobody has, so that an answer takes as long whether or not the account exists. No password matches it.
_NOBODY = _HASHER.hash("no account has this password, whatever it is")


async def hash_password(password: str) -> str:
    """The Argon2id hash of a password, as its self-describing text."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def verify_password(hashed: str | None, password: str) -> bool:
    """True when `password` matches `hashed`. `hashed` is None for an unknown account: the work is done, the answer is False."""
    if len(password) > MAX_PASSWORD_LENGTH:
        return False
    return await asyncio.to_thread(_verify, hashed or _NOBODY, password) and hashed is not None


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False
