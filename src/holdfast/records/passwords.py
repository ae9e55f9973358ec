"""Passwords: generated, and hashed and verified with Argon2id off the event loop."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MAX_PASSWORD_LENGTH = 1_024
# Verified for unknown accounts, so that a response takes as long whether or not the account exists. Its password was random and discarded.
# Written out, because hashing costs every command that imports this module 30 ms.
_UNKNOWN_ACCOUNT = "$argon2id$v=19$m=19456,t=2,p=1$CumSXTmZTVtTaaoq06q5hg$EULE9HEPieIsLAri6+8TJeCdGqmql4WBYYHXd/b40OI"


async def hash_password(password: str) -> str:
    """The Argon2id hash of a password, as its self-describing text."""
    return await asyncio.to_thread(_hash, password)


async def verify_password(hashed: str | None, password: str) -> bool:
    """True when `password` matches `hashed`. `hashed` is None for an unknown account: it takes as long, and the result is False."""
    if len(password) > MAX_PASSWORD_LENGTH:
        return False
    return await asyncio.to_thread(_verify, hashed or _UNKNOWN_ACCOUNT, password) and hashed is not None


def new_password() -> str:
    """A password of 16 random characters."""
    return secrets.token_urlsafe(12)


@cache
def _hasher() -> PasswordHasher:
    # Imported here: most commands import this module and hash no password.
    from argon2 import PasswordHasher

    # 19 MiB, two passes, one lane: the lower of the two parameter sets OWASP recommends for Argon2id.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _hash(password: str) -> str:
    return _hasher().hash(password)


def _verify(hashed: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False
