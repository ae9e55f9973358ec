"""`hashlib.pbkdf2_hmac`, which CPython has only with OpenSSL, which a component does not have."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any


def pbkdf2_hmac(hash_name: str, password: Any, salt: Any, iterations: int, dklen: int | None = None) -> bytes:
    """A key of `dklen` bytes, by default of the length of the hash, from a password (RFC 8018, section 5.2).

    Raises ValueError for an unknown hash, and for numbers below 1.
    """
    known = hashlib.new(hash_name)
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    length = known.digest_size if dklen is None else dklen
    if length < 1:
        raise ValueError("key length must be greater than 0.")
    key = bytes(password)
    if len(key) > known.block_size:
        # As HMAC would, once instead of in each iteration.
        key = hashlib.new(hash_name, key).digest()
    blocks = -(-length // known.digest_size)
    return b"".join(_block(hash_name, key, bytes(salt), iterations, number + 1) for number in range(blocks))[:length]


def _block(hash_name: str, key: bytes, salt: bytes, iterations: int, number: int) -> bytes:
    part = hmac.digest(key, salt + number.to_bytes(4, "big"), hash_name)
    total = int.from_bytes(part)
    for _ in range(iterations - 1):
        part = hmac.digest(key, part, hash_name)
        total ^= int.from_bytes(part)
    return total.to_bytes(len(part))


def install() -> None:
    """Adds it to `hashlib`."""
    hashlib.pbkdf2_hmac = pbkdf2_hmac
