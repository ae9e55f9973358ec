"""Minisign's public keys and signatures: reads and writes their text form, and verifies a signature of a message.

Format: https://jedisct1.github.io/minisign/#public-key-format and #signature-format.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Literal

from msgspec import Struct

from holdfast.errors import HoldfastError

FILE_MAX_BYTES = 16 * 1024
KEY_ID_BYTES = 8
KEY_ALGORITHM = b"Ed"
UNTRUSTED, TRUSTED = "untrusted comment: ", "trusted comment: "
_UNTRUSTED_MAX, _TRUSTED_MAX = 1_024, 8_192


class MalformedMinisign(HoldfastError):
    """Raised when a text is not a key or a signature in minisign's format. The message never quotes the text."""

    code = "malformed_minisign"
    status = 400


class Signature(Struct, frozen=True):
    """The content of a `.minisig` file. With the algorithm `ED` the message's BLAKE2b-512 is signed, with `Ed` (older) the message itself.

    `global_signature` covers the signature and the trusted comment. Do not trust any field until `PublicKey.verifies` returns true.
    """

    algorithm: Literal[b"ED", b"Ed"]
    raw_key_id: bytes
    signature: bytes
    trusted_comment: str
    global_signature: bytes
    untrusted_comment: str = "signature from a minisign secret key"

    @property
    def key_id(self) -> str:
        """The id of the key that the signature names, as 16 upper-case hexadecimal digits."""
        return key_id_text(self.raw_key_id)

    @classmethod
    def parse(cls, data: bytes) -> Signature:
        """Reads the bytes of a `.minisig` file. Raises MalformedMinisign."""
        lines = text_lines(data, "A signature")
        if len(lines) != 4:
            raise MalformedMinisign(f"A signature has four lines; this file has {len(lines)}.")
        untrusted, raw = comment(lines[0], UNTRUSTED, _UNTRUSTED_MAX), decode_line(lines[1], 74, "The second line of a signature")
        trusted, overall = comment(lines[2], TRUSTED, _TRUSTED_MAX), decode_line(lines[3], 64, "The last line of a signature")
        algorithm: Literal[b"ED", b"Ed"]
        if raw[:2] == b"ED":
            algorithm = b"ED"
        elif raw[:2] == b"Ed":
            algorithm = b"Ed"
        else:
            raise MalformedMinisign("The signature does not use Ed25519.")
        return cls(algorithm, raw[2:10], raw[10:], trusted, overall, untrusted)

    def to_text(self) -> str:
        """The content of a `.minisig` file."""
        raw = encode_line(self.algorithm + self.raw_key_id + self.signature)
        return f"{UNTRUSTED}{self.untrusted_comment}\n{raw}\n{TRUSTED}{self.trusted_comment}\n{encode_line(self.global_signature)}\n"

    def signed_bytes(self, message: bytes) -> bytes:
        """The bytes that the signature of this message covers."""
        return message if self.algorithm == b"Ed" else hashlib.blake2b(message).digest()

    def globally_signed_bytes(self) -> bytes:
        """The bytes that the global signature covers."""
        return self.signature + self.trusted_comment.encode()


class PublicKey(Struct, frozen=True):
    """A public key: its id (8 random bytes, so equal ids prove nothing) and the 32 bytes of the Ed25519 key."""

    raw_key_id: bytes
    key: bytes

    @property
    def key_id(self) -> str:
        """The id as 16 upper-case hexadecimal digits, as minisign shows it."""
        return key_id_text(self.raw_key_id)

    @classmethod
    def parse(cls, data: bytes) -> PublicKey:
        """Reads the bytes of a `.pub` file, or its second line alone. Raises MalformedMinisign."""
        lines = text_lines(data, "A public key")
        if len(lines) == 2:
            comment(lines[0], UNTRUSTED, _UNTRUSTED_MAX)
        elif len(lines) != 1:
            raise MalformedMinisign(f"A public key has one or two lines; this file has {len(lines)}.")
        raw = decode_line(lines[-1], 42, "A public key")
        if raw[:2] != KEY_ALGORITHM:
            raise MalformedMinisign("The public key is not an Ed25519 key.")
        return cls(raw[2:10], raw[10:])

    def to_line(self) -> str:
        """The key as one line of base64, without a line end."""
        return encode_line(KEY_ALGORITHM + self.raw_key_id + self.key)

    def to_text(self) -> str:
        """The content of a `.pub` file."""
        return f"{UNTRUSTED}minisign public key {self.key_id}\n{self.to_line()}\n"

    def verifies(self, message: bytes, signature: Signature) -> bool:
        """Whether the holder of this key signed this message and this trusted comment."""
        # Ids are not secret and not unique; this only avoids a pointless verification.
        if signature.raw_key_id != self.raw_key_id:
            return False
        # Imported when there is something to verify: a runner without signed bundles starts sooner.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(self.key)
            key.verify(signature.signature, signature.signed_bytes(message))
            key.verify(signature.global_signature, signature.globally_signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id_text(raw: bytes) -> str:
    """The eight bytes as minisign shows them: one little-endian number in hex."""
    return raw[::-1].hex().upper()


def text_lines(data: bytes, what: str) -> list[str]:
    """The lines of a key or signature file, without line ends. Raises MalformedMinisign for data that is too long or not plain text."""
    if len(data) > FILE_MAX_BYTES:
        raise MalformedMinisign(f"{what} has at most {FILE_MAX_BYTES} bytes; this file has {len(data)}.")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MalformedMinisign(f"{what} is UTF-8 text; this file is not.") from None
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if any((ord(character) < 32 and character != "\t") or 127 <= ord(character) < 160 for line in lines for character in line):
        raise MalformedMinisign(f"{what} has no control characters; this file has some.")
    return lines


def comment(line: str, prefix: str, limit: int) -> str:
    """The comment of a line that begins with `prefix`. Raises MalformedMinisign."""
    if not line.startswith(prefix):
        raise MalformedMinisign(f"A line that begins with '{prefix.strip()}' is missing.")
    text = line.removeprefix(prefix)
    if len(text.encode()) > limit:
        raise MalformedMinisign(f"A comment after '{prefix.strip()}' has at most {limit} bytes.")
    return text


def encode_line(raw: bytes) -> str:
    """Base64 on one line."""
    return base64.b64encode(raw).decode()


def decode_line(line: str, size: int, what: str) -> bytes:
    """Decodes a line of base64 to exactly `size` bytes; only the canonical encoding is accepted. Raises MalformedMinisign."""
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # Encoded again and compared: base64 has several spellings for some bytes, and one signature must have one text.
    if len(raw) != size or encode_line(raw) != line:
        raise MalformedMinisign(f"{what} is {size} bytes in base64; this one is not.")
    return raw
