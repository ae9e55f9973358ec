"""Ways to damage or forge a bundle. Each uses a random source, so a seed reproduces a bundle."""

from __future__ import annotations

import random
import tarfile
from collections.abc import Callable

import zstandard

from tests.bundles.archives import MANIFEST, regular, tar_bytes

BLOCK = tarfile.BLOCKSIZE
OUTSIDE = "holdfast-test-outside"
"""A name that leads out of the target folder leads to a file whose name begins with this."""

_PAGE = b"<!doctype html><title>Notes</title>"
_MEMBERS = [
    regular("manifest.json", MANIFEST),
    regular("dist/main.wasm", bytes(range(256)) * 12),
    regular("ui/index.html", _PAGE),
    regular("ui/empty.js", b""),
    regular("ui/assets/" + "long-name-" * 11 + ".css", b"body {}"),
    regular("ui/grüße.js", b"1" * 700),
]
BASES = [tar_bytes(_MEMBERS, form) for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)]
BASES.append(tar_bytes([*_MEMBERS[:2], regular("ui/dist/index.html", _PAGE), regular("ui/src/a.js")], tarfile.USTAR_FORMAT))

_NAMES = [
    f"../{OUTSIDE}",
    f"../../{OUTSIDE}",
    f"ui/../../{OUTSIDE}",
    f"./../{OUTSIDE}",
    f"/tmp/{OUTSIDE}",
    f"..\\{OUTSIDE}",
    f"ui/x/../../../{OUTSIDE}",
    ".ready",
    "bundle/.ready",
    ".index.json",
    "bundle/.index.json",
    "ui",
    "UI/INDEX.HTML",
    "ui/index.html",
    "ui/index.html/x",
    "ui/dist/index.html",
    "manifest.json",
    "manifest.json/",
    "dist/main.wasm",
    "ui/",
    "",
    ".",
    "..",
    "/",
    "./",
    "ui//x",
    "ui/\nx",
    "ui/\x7f",
    "ui/ß",
    "ui/ss",
    "ui/e\u0301",
    "con",
    "._x",
    "ui/.DS_Store",
    "x" * 99,
    "a/" * 49 + "b",
]
_KINDS = b"01234567ABDKLMNSVXgx\0Z"
_SIZES = [0, 1, 511, 512, 513, 4_096, 70_000, 2**20, 2**31, 2**33 - 1, 8**11 - 1, 2**62, -1, -512]


def _headers(data: bytearray) -> list[int]:
    """Where the headers are, as far as `data` is still what was packed."""
    found, at = [], 0
    while at + BLOCK <= len(data) and data[at : at + BLOCK].strip(b"\0"):
        found.append(at)
        digits = bytes(data[at + 124 : at + 135])
        if digits.strip(b"01234567"):
            break
        size = int(digits, 8)
        at += BLOCK + size + -size % BLOCK
    return found or [0]


def _mended(data: bytearray, at: int) -> None:
    """Makes the header's checksum right, so that more than the checksum is put to the test."""
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + BLOCK])


def _name(source: random.Random) -> bytes:
    name = source.choice(_NAMES).encode()
    return bytes(source.randbytes(source.randrange(1, 30))) if source.random() < 0.1 else name


def _header(name: bytes, kind: bytes, size: int, source: random.Random) -> bytearray:
    block = bytearray(BLOCK)
    block[: min(100, len(name))] = name[:100]
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136] = _number(size, source)
    block[136:148], block[156:157], block[257:265] = b"00000000000\0", kind, b"ustar\x0000"
    _mended(block, 0)
    return block


def _number(size: int, source: random.Random) -> bytes:
    if 0 <= size < 8**11 and source.random() < 0.8:
        return b"%011o\0" % size
    return (b"\x80" if size >= 0 else b"\xff") + (size & (2**88 - 1)).to_bytes(11, "big")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def flip(data: bytearray, source: random.Random) -> None:
    """A few bits, anywhere."""
    for _ in range(source.randrange(1, 9)):
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def flip_in_a_header(data: bytearray, source: random.Random) -> None:
    at = source.choice(_headers(data))
    for _ in range(source.randrange(1, 5)):
        data[at + source.randrange(BLOCK)] ^= 1 << source.randrange(8)
    _mended(data, at)


def edit_a_field(data: bytearray, source: random.Random) -> None:
    at = source.choice(_headers(data))
    field = source.randrange(5)
    if field == 0:
        data[at : at + 100] = _name(source)[:100].ljust(100, b"\0")
    elif field == 1:
        data[at + 156] = source.choice(_KINDS)
        data[at + 157 : at + 257] = _name(source)[:100].ljust(100, b"\0")
    elif field == 2:
        data[at + 124 : at + 136] = _number(source.choice(_SIZES), source)
    elif field == 3:
        data[at + 345 : at + 500] = _name(source)[:155].ljust(155, b"\0")
    else:
        data[at + 124 : at + 136] = source.randbytes(12)
    _mended(data, at)


def extend_a_header(data: bytearray, source: random.Random) -> None:
    """Long names and pax records before a member, well-formed or not."""
    kind = source.choice([b"L", b"L", b"K", b"x", b"x", b"x", b"g", b"X"])
    if kind in (b"L", b"K"):
        payload = _name(source) * source.choice([1, 1, 40]) + b"\0" * source.randrange(2)
    else:
        records = [
            (b"path", _name(source)),
            (b"size", str(source.choice(_SIZES)).encode()),
            (b"linkpath", _name(source)),
            (b"hdrcharset", b"BINARY"),
            (b"GNU.sparse.major", b"1"),
            (b"comment", source.randbytes(40)),
        ]
        payload = b""
        for key, value in source.sample(records, source.randrange(1, 3)):
            length = len(key) + len(value) + 3
            length += len(str(length + len(str(length))))
            payload += b"%d %s=%s\n" % (length + source.choice([0, 0, 0, 0, 1, -1, 10**5]), key, value)
    size = source.choice([len(payload)] * 8 + _SIZES)
    at = source.choice(_headers(data))
    data[at:at] = _header(b"././@LongLink", kind, size, source) + _padded(payload)


def add_a_member(data: bytearray, source: random.Random) -> None:
    """A member of any kind, name and size, before another."""
    content = source.randbytes(source.choice([0, 5, 600]))
    kind = b"0" if source.random() < 0.6 else bytes([source.choice(_KINDS)])
    size = len(content) if source.random() < 0.8 else source.choice(_SIZES)
    at = source.choice(_headers(data))
    data[at:at] = _header(_name(source), kind, size, source) + _padded(content)


def splice(data: bytearray, source: random.Random) -> None:
    """Blocks taken out, doubled, or moved."""
    count = len(data) // BLOCK
    start, length = source.randrange(count), source.randrange(1, 8)
    run = data[start * BLOCK : (start + length) * BLOCK]
    what = source.randrange(3)
    if what != 1:
        del data[start * BLOCK : (start + length) * BLOCK]
    if what != 0:
        at = source.randrange(len(data) // BLOCK + 1) * BLOCK
        data[at:at] = run


def double_a_member(data: bytearray, source: random.Random) -> None:
    """The same name twice, as it is or in other letters."""
    headers = _headers(data)
    at = source.choice(headers)
    following = [other for other in headers if other > at]
    member = bytearray(data[at : following[0] if following else at + BLOCK])
    if source.random() < 0.5:
        member[:100] = bytes(member[:100]).upper() if source.random() < 0.7 else bytes(member[:100]).replace(b"s", "\u017f".encode())[:100]
        _mended(member, 0)
    into = source.choice(headers)
    data[into:into] = member


def cut(data: bytearray, source: random.Random) -> None:
    del data[source.randrange(len(data)) :]


def append(data: bytearray, source: random.Random) -> None:
    """Something where the archive should end."""
    if source.random() < 0.5:
        while data and not data[-BLOCK:].strip(b"\0"):
            del data[-BLOCK:]
    data += source.choice([source.randbytes(BLOCK), bytes(BLOCK), bytes(100 * BLOCK), source.choice(BASES), source.randbytes(100)])


Mutation = Callable[[bytearray, random.Random], None]
MUTATIONS: list[Mutation] = [
    flip,
    flip_in_a_header,
    edit_a_field,
    extend_a_header,
    add_a_member,
    splice,
    double_a_member,
    cut,
    append,
]


def mutated_tar(mutation: Mutation, source: random.Random) -> bytes:
    """A bundle whose tar was mutated, now and then more than once."""
    data = bytearray(source.choice(BASES))
    mutation(data, source)
    while source.random() < 0.2:
        if len(data) >= BLOCK:
            source.choice(MUTATIONS)(data, source)
    return zstandard.ZstdCompressor(level=1).compress(bytes(data))


def mutated_stream(source: random.Random) -> bytes:
    """A bundle whose compressed bytes were mutated: flipped, cut off, with a foreign frame before, within or behind."""
    data = bytearray(zstandard.ZstdCompressor(level=source.choice([1, 3, 9])).compress(source.choice(BASES)))
    what = source.randrange(5)
    if what == 0:
        flip(data, source)
    elif what == 1:
        data[source.randrange(14)] ^= 1 << source.randrange(8)
    elif what == 2:
        cut(data, source)
    else:
        skippable = b"\x50\x2a\x4d\x18" + (8).to_bytes(4, "little") + bytes(8)
        foreign = source.choice([skippable, source.randbytes(30), zstandard.compress(source.randbytes(600)), bytes(20), bytes(data)])
        at = source.choice([0, len(data), source.randrange(len(data))])
        data[at:at] = foreign
    return bytes(data)
