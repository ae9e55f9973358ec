"""Content encodings: negotiation and content."""

from __future__ import annotations

import gzip
import hashlib
import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from holdfast.runner.ui.encodings import MIN_BYTES, Encoding, accepted_encodings, encode, is_compressible, is_encoding_of

TEXT = b"export const answer = 42;\n" * 400
ENCODINGS: tuple[Encoding, ...] = ("zstd", "gzip")
_PIECES = st.sampled_from(["gzip", "zstd", "br", "identity", "*", ";", "q", "=", "0", "1", ".5", ",", " ", "1.1", "-1", "nan", "é", "\0"])


def decoded(body: bytes, encoding: Encoding) -> bytes:
    return zstandard.ZstdDecompressor().decompress(body) if encoding == "zstd" else gzip.decompress(body)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("gzip", ("gzip",)),
        ("gzip, deflate, br, zstd", ("zstd", "gzip")),
        ("GZIP , Zstd", ("zstd", "gzip")),
        ("gzip;q=1.0, zstd;q=0.5", ("gzip", "zstd")),
        ("gzip;q=0, zstd", ("zstd",)),
        ("zstd;q=0.000", ()),
        ("*", ("zstd", "gzip")),
        ("*;q=0.1, gzip;q=0", ("zstd",)),
        ("*;q=0", ()),
        ("br, *;q=0", ()),
        ("identity", ()),
        ("identity;q=0.5, gzip", ("gzip",)),
        ("identity, gzip;q=0.5", ()),
        ("identity;q=0, gzip;q=0.001", ("gzip",)),
        ("gzip;q=2", ()),
        ("gzip;q=-1", ()),
        ("gzip;q=x", ()),
        ("gzip;q=0.1234", ()),
        ("gzip;level=9", ()),
        ("gzip zstd", ()),
        ("gzip," * 100, ()),
        (",, gzip,", ("gzip",)),
    ],
)
def test_the_weights_of_the_browser_decide_and_zstd_is_preferred_among_equals(header: str, expected: tuple[Encoding, ...]) -> None:
    assert accepted_encodings(header) == expected


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=15).map("".join)))
def test_no_header_gets_an_encoding_that_it_does_not_name(header: str) -> None:
    found = accepted_encodings(header)
    assert len(set(found)) == len(found)
    assert all(encoding in header.lower() or "*" in header for encoding in found)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoded_file_is_the_file_and_smaller(encoding: Encoding) -> None:
    body = encode(TEXT, encoding)
    assert body is not None and len(body) < len(TEXT) // 10
    assert decoded(body, encoding) == TEXT
    assert body == encode(TEXT, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_that_encoding_does_not_shrink_is_not_encoded(encoding: Encoding) -> None:
    assert encode(random.Random(1).randbytes(5_000), encoding) is None


def test_browsers_can_decode_large_files_too() -> None:
    data = b"".join(b"%d," % number for number in range(1_500_000))
    body = encode(data, "zstd")
    assert body is not None
    assert zstandard.get_frame_parameters(body).window_size <= 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("media_type", "size", "expected"),
    [
        ("text/javascript", MIN_BYTES, True),
        ("text/javascript", MIN_BYTES - 1, False),
        ("image/svg+xml", 5_000, True),
        ("application/wasm", 5_000, True),
        ("image/png", 5_000, False),
        ("font/woff2", 5_000, False),
        ("application/octet-stream", 5_000, False),
    ],
)
def test_only_large_files_that_are_not_compressed_already_are_encoded(media_type: str, size: int, expected: bool) -> None:
    assert is_compressible(media_type, size) is expected


def packed(encoding: Encoding) -> bytes:
    return gzip.compress(TEXT, 9) if encoding == "gzip" else zstandard.ZstdCompressor(level=19).compress(TEXT)


def holding(body: bytes, encoding: Encoding) -> bool:
    return is_encoding_of(body, encoding, sha256_hex=hashlib.sha256(TEXT).hexdigest(), size=len(TEXT))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoded_file_that_matches_its_original_is_accepted(encoding: Encoding) -> None:
    assert holding(packed(encoding), encoding)


def test_a_stream_that_does_not_say_its_size_holds_it_too() -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    assert holding(compressor.compress(TEXT), "zstd")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_anything_else_does_not(encoding: Encoding) -> None:
    good = packed(encoding)
    other = encode(TEXT.replace(b"42", b"43"), encoding)
    longer = encode(TEXT + b"x", encoding)
    assert other is not None and longer is not None
    for body in (b"", b"not packed at all", good[:-5], good + b"x", good + good, other, longer, TEXT):
        assert not holding(body, encoding)


def test_one_that_unpacks_to_much_more_is_not_unpacked() -> None:
    assert not holding(gzip.compress(bytes(20_000_000), 1)[:9_000], "gzip")
    assert not holding(zstandard.ZstdCompressor().compress(bytes(20_000_000)), "zstd")


def test_one_with_a_window_that_browsers_refuse_is_not_used() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=25)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = bytes(4_000_000)
    body = compressor.compress(data) + compressor.flush()
    assert not is_encoding_of(body, "zstd", sha256_hex=hashlib.sha256(data).hexdigest(), size=len(data))


@given(st.binary(max_size=200), st.sampled_from(ENCODINGS))
def test_no_bytes_make_the_check_fail(body: bytes, encoding: Encoding) -> None:
    assert not holding(body, encoding)
