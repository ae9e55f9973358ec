"""The members of a tar stream. The standard library decodes the headers; this module decides what to do with each member.

`tarfile` itself does not extract anything: it follows links, keeps modes and owners, and allocates what a header claims.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from msgspec import Struct

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import MIB, ArchiveLimits
from holdfast.bundles.archive.names import UsedNames, normalize_name
from holdfast.bundles.archive.zstd_stream import ExpandedStream

BLOCK = tarfile.BLOCKSIZE
_EXTENSION_MAX_BYTES = 64 * 1024
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
_LONG_NAME = tarfile.GNUTYPE_LONGNAME
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_SKIPPED = tarfile.XGLTYPE


class Entry(Struct, frozen=True):
    """One regular file. `chunks` yields its bytes once, in pieces of at most 1 MiB; unread bytes are skipped."""

    name: str
    size: int
    chunks: Iterator[bytes]


class _Override(Struct):
    """What extension headers declare about the next member."""

    name: str | None = None
    size: int | None = None


def _read_exactly(stream: ExpandedStream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ExtractFailed("truncated", "The archive ends in the middle of a member.")
    return data


def _read_header(stream: ExpandedStream) -> tarfile.TarInfo | None:
    """The next header; None at the end mark. Raises ExtractFailed without one, because then the archive is truncated."""
    block = _read_exactly(stream, BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError, ValueError) as error:
        raise ExtractFailed("not_tar", f"The archive is not a tar stream, or is damaged ({error}).") from None


def _read_payload(stream: ExpandedStream, header: tarfile.TarInfo) -> bytes:
    if not 0 <= header.size <= _EXTENSION_MAX_BYTES:
        raise ExtractFailed("header_size", "The archive contains an extension header that is too large.")
    return _read_exactly(stream, header.size + -header.size % BLOCK)[: header.size]


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ExtractFailed("name_encoding", "The archive contains a name that is not UTF-8.") from None


def _read_pax(data: bytes, override: _Override) -> None:
    """Reads POSIX pax records, `<length> <keyword>=<value>\\n`. Only path and size matter here; other keywords are ignored."""
    while data:
        length_text, space, _ = data.partition(b" ")
        # Bounded before `int`: Python parses digits of any length, in quadratic time.
        if not space or not length_text.isdigit() or len(length_text) > 6:
            raise ExtractFailed("header_damaged", "The archive contains a damaged extension header.")
        length = int(length_text)
        if length > len(data):
            raise ExtractFailed("header_damaged", "The archive contains a damaged extension header.")
        record, data = data[len(length_text) + 1 : length], data[length:]
        keyword, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise ExtractFailed("header_damaged", "The archive contains a damaged extension header.")
        value = value[:-1]
        if keyword == b"path":
            override.name = _decode(value)
        elif keyword == b"size":
            if not value.isdigit() or len(value) > 15:
                raise ExtractFailed("header_damaged", "The archive contains a damaged extension header.")
            override.size = int(value)
        elif keyword.startswith(b"GNU.sparse"):
            raise ExtractFailed("sparse_file", "The archive contains a sparse file; pack it without sparse files.")


def _chunks(stream: ExpandedStream, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = _read_exactly(stream, min(size, MIB))
        size -= len(chunk)
        yield chunk


def read_entries(stream: ExpandedStream, limits: ArchiveLimits) -> Iterator[Entry]:
    """The regular files of a tar stream, in its order, with normalized unique names. Skips folders and files that macOS adds.

    Raises ExtractFailed for links, devices and every other kind of member, for an invalid name, and beyond the limits.
    """
    used, headers, members, override = UsedNames(), 0, 0, _Override()
    while (header := _read_header(stream)) is not None:
        headers += 1
        # A member needs at most two extension headers; an archive with more only costs time.
        if headers > 3 * limits.entries:
            raise ExtractFailed("entry_count", f"The archive has more than {limits.entries} entries.")
        if header.type == _LONG_NAME:
            override.name = _decode(_read_payload(stream, header).rstrip(b"\0"))
        elif header.type in _PAX:
            _read_pax(_read_payload(stream, header), override)
        elif header.type == _SKIPPED:
            _read_payload(stream, header)
        else:
            members += 1
            if members > limits.entries:
                raise ExtractFailed("entry_count", f"The archive has more than {limits.entries} entries.")
            yield from _member(stream, header, override, used)
            override = _Override()


def _member(stream: ExpandedStream, header: tarfile.TarInfo, override: _Override, used: UsedNames) -> Iterator[Entry]:
    given = header.name if override.name is None else override.name
    name = normalize_name(given)
    if header.type == tarfile.DIRTYPE:
        return
    if header.type not in _REGULAR or given.endswith("/"):
        raise ExtractFailed(
            "not_a_file", f"The archive contains {given[:120]!a}, which is not a regular file. A bundle contains regular files only."
        )
    if not given.strip("./"):
        raise ExtractFailed("name_segment", "The archive contains a file without a name.")
    size = header.size if override.size is None else override.size
    if size < 0:
        raise ExtractFailed("header_damaged", "The archive contains a member with a negative size.")
    chunks = _chunks(stream, size)
    if name is not None:
        used.add(name)
        yield Entry(name, size, chunks)
    # The next header starts after this content, whether or not the caller has read it.
    for _ in chunks:
        pass
    _read_exactly(stream, -size % BLOCK)
