"""Minisign's secret keys: creates them, reads and writes their files with or without a password, and signs."""

from __future__ import annotations

import hashlib
import secrets
import struct
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from holdfast.bundles.signing.minisign import (
    KEY_ALGORITHM,
    KEY_ID_BYTES,
    UNTRUSTED,
    MalformedMinisign,
    PublicKey,
    Signature,
    comment,
    decode_line,
    encode_line,
    text_lines,
)
from holdfast.errors import CodedError

_SCRYPT, _PLAIN, _BLAKE2 = b"Sc", b"\0\0", b"B2"
_LAYOUT: Final = struct.Struct("<2s2s2s32sQQ104s")
_COMMENT = "minisign encrypted secret key"


class SecretKeyLocked(CodedError):
    """Raised when a secret key cannot be decrypted.

    - `password_needed`: the key has a password and none was given
    - `wrong_password`: the password is wrong or the key is damaged; the format does not show which
    """

    STATUSES: ClassVar = {"password_needed": 400, "wrong_password": 403}


class KdfCost(Struct, frozen=True):
    """The cost of one password attempt in libsodium's terms: operations, and memory in bytes. Stored in the key's file."""

    operations: int
    memory: int

    def scrypt(self) -> tuple[int, int, int]:
        """The parameters N, r, p of scrypt that libsodium derives from this cost."""
        operations, r = max(self.operations, 32_768), 8
        if operations < self.memory // 32:
            n = _power_above(operations // (r * 4) // 2)
            return n, r, 1
        n = _power_above(self.memory // (r * 128) // 2)
        return n, r, max(1, min(operations // 4 // n, 0x3FFFFFFF) // r)


DEFAULT_COST = KdfCost(operations=1 << 22, memory=128 << 20)
"""Half a second and 128 MiB. Minisign uses eight times that memory, which a build machine may not have."""

MAX_COST = KdfCost(operations=1 << 25, memory=1 << 30)
"""The cost of keys that minisign writes. A file with a higher cost is rejected: otherwise it could demand any time and memory."""


class SecretKey:
    """An Ed25519 secret key with its id. Only `to_text` reveals its bytes; `repr` does not."""

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, raw_key_id: bytes, seed: bytes) -> None:
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(raw_key_id, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SecretKey({self.public.key_id})"

    @classmethod
    def generate(cls) -> SecretKey:
        """A new key with a new id."""
        return cls(secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(32))

    @classmethod
    def parse(cls, data: bytes, password: str | None = None) -> SecretKey:
        """Reads the bytes of a secret key file. The password is ignored when the key has none.

        Raises MalformedMinisign, SecretKeyLocked. With a password this takes time and memory; see `KdfCost`.
        """
        kdf, salt, cost, sealed = _fields(data)
        if kdf == _SCRYPT:
            if password is None:
                raise SecretKeyLocked(
                    "password_needed", "The secret key has a password.", hint="Pass a file that contains it with --password-file."
                )
            # The format encrypts by XOR with the derived stream; the checksum inside detects a wrong password.
            opened = _xor(sealed, _stream(password, salt, cost))
            if opened[72:] != _checksum(opened[:8], opened[8:72]):
                raise SecretKeyLocked("wrong_password", "The password does not match the secret key, or the file is damaged.")
        else:
            opened = sealed
        key = cls(opened[:8], opened[8:40])
        if key.public.key != opened[40:72]:
            raise MalformedMinisign("The two halves of the secret key do not match; the file is damaged.")
        return key

    def to_text(self, password: str | None, cost: KdfCost = DEFAULT_COST) -> str:
        """The content of a secret key file, encrypted with the password; None writes the key without a password."""
        plain = self.public.raw_key_id + self._seed + self.public.key
        if password is None:
            kdf, salt, cost, sealed = _PLAIN, bytes(32), KdfCost(0, 0), plain + bytes(32)
        else:
            kdf, salt = _SCRYPT, secrets.token_bytes(32)
            sealed = _xor(plain + _checksum(plain[:8], plain[8:]), _stream(password, salt, cost))
        raw = _LAYOUT.pack(KEY_ALGORITHM, kdf, _BLAKE2, salt, cost.operations, cost.memory, sealed)
        return f"{UNTRUSTED}{_COMMENT}\n{encode_line(raw)}\n"

    def sign(self, message: bytes, trusted_comment: str) -> Signature:
        """Signs the message's BLAKE2b-512 and the comment (one line, at most 8 KiB). Raises MalformedMinisign for another comment."""
        unsigned = Signature(b"ED", self.public.raw_key_id, bytes(64), trusted_comment, bytes(64))
        signature = self._key.sign(unsigned.signed_bytes(message))
        overall = self._key.sign(signature + trusted_comment.encode())
        signed = Signature(b"ED", self.public.raw_key_id, signature, trusted_comment, overall)
        # Parsed again, so that a comment which the format cannot represent is rejected here and not by the reader.
        return Signature.parse(signed.to_text().encode())


def is_password_protected(data: bytes) -> bool:
    """Whether the secret key file with this content needs a password. Raises MalformedMinisign."""
    return _fields(data)[0] == _SCRYPT


def _fields(data: bytes) -> tuple[bytes, bytes, KdfCost, bytes]:
    """The key derivation, the salt, the cost, and the 104 bytes of the key: id, seed, public key, checksum."""
    lines = text_lines(data, "A secret key")
    if len(lines) != 2:
        raise MalformedMinisign(f"A secret key has two lines; this file has {len(lines)}.")
    comment(lines[0], UNTRUSTED, 1_024)
    raw = decode_line(lines[1], _LAYOUT.size, "A secret key")
    algorithm, kdf, checksum, salt, operations, memory, sealed = _LAYOUT.unpack(raw)
    if algorithm != KEY_ALGORITHM or kdf not in (_SCRYPT, _PLAIN) or checksum != _BLAKE2:
        raise MalformedMinisign("The secret key does not use Ed25519 with scrypt and BLAKE2b.")
    if operations > MAX_COST.operations or memory > MAX_COST.memory:
        raise MalformedMinisign("Decrypting the secret key would cost more time or memory than any key that minisign writes.")
    return kdf, salt, KdfCost(operations, memory), sealed


def _stream(password: str, salt: bytes, cost: KdfCost) -> bytes:
    n, r, p = cost.scrypt()
    max_memory = 128 * r * (n + p + 2) + 1024 * 1024
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=max_memory, dklen=104)


def _checksum(raw_key_id: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(KEY_ALGORITHM + raw_key_id + secret, digest_size=32).digest()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _power_above(bound: int) -> int:
    """The smallest power of two that is greater than `bound`, at least 2."""
    return max(2, 1 << bound.bit_length())
