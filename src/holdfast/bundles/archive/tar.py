"""The members of a tar stream: headers are decoded by the standard library, everything they ask for is decided here."""

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
    """One regular file. `chunks` gives its bytes once, in pieces of at most 1 MiB; what is left unread is skipped."""

    name: str
    size: int
    chunks: Iterator[bytes]


class _Override(Struct):
    """What extension headers say about the member that follows them."""

    name: str | None = None
    size: int | None = None


def _exactly(stream: ExpandedStream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ExtractFailed("The archive ends in the middle of a member.")
    return data


def _header(stream: ExpandedStream) -> tarfile.TarInfo | None:
    """The next header, or None at the end mark. The end mark must be there, else the archive was cut off."""
    block = _exactly(stream, BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError, ValueError) as error:
        raise ExtractFailed(f"The archive is not a tar stream, or is damaged ({error}).") from None


def _payload(stream: ExpandedStream, header: tarfile.TarInfo) -> bytes:
    if not 0 <= header.size <= _EXTENSION_MAX_BYTES:
        raise ExtractFailed("The archive holds an extension header that is too large.")
    return _exactly(stream, header.size + -header.size % BLOCK)[: header.size]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ExtractFailed("The archive holds a name that is not UTF-8.") from None


def _read_pax(data: bytes, override: _Override) -> None:
    """POSIX pax records, `<length> <keyword>=<value>\\n`; only path and size matter to us."""
    while data:
        length_text, space, _ = data.partition(b" ")
        if not space or not length_text.isdigit() or len(length_text) > 6:
            raise ExtractFailed("The archive holds a damaged extension header.")
        length = int(length_text)
        if length > len(data):
            raise ExtractFailed("The archive holds a damaged extension header.")
        record, data = data[len(length_text) + 1 : length], data[length:]
        keyword, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise ExtractFailed("The archive holds a damaged extension header.")
        value = value[:-1]
        if keyword == b"path":
            override.name = _text(value)
        elif keyword == b"size":
            if not value.isdigit() or len(value) > 15:
                raise ExtractFailed("The archive holds a damaged extension header.")
            override.size = int(value)
        elif keyword.startswith(b"GNU.sparse"):
            raise ExtractFailed("The archive holds a sparse file; only whole files are taken.")


def _chunks(stream: ExpandedStream, size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = _exactly(stream, min(size, MIB))
        size -= len(chunk)
        yield chunk


def entries(stream: ExpandedStream, limits: ArchiveLimits) -> Iterator[Entry]:
    """The regular files of a tar stream, in its order, with cleaned names, each once; folders and macOS leftovers are left out.

    Raises ExtractFailed for links, devices and every other kind of member, for a name that is refused, and beyond the limits.
    """
    ledger, headers, members, override = UsedNames(), 0, 0, _Override()
    while (header := _header(stream)) is not None:
        headers += 1
        # A member brings one or two extension headers of its own; more than that only costs time.
        if headers > 3 * limits.entries:
            raise ExtractFailed(f"The archive has more than {limits.entries} entries.")
        if header.type == _LONG_NAME:
            override.name = _text(_payload(stream, header).rstrip(b"\0"))
        elif header.type in _PAX:
            _read_pax(_payload(stream, header), override)
        elif header.type == _SKIPPED:
            _payload(stream, header)
        else:
            members += 1
            if members > limits.entries:
                raise ExtractFailed(f"The archive has more than {limits.entries} entries.")
            yield from _member(stream, header, override, ledger)
            override = _Override()


def _member(stream: ExpandedStream, header: tarfile.TarInfo, override: _Override, ledger: UsedNames) -> Iterator[Entry]:
    given = header.name if override.name is None else override.name
    name = normalize_name(given)
    if header.type == tarfile.DIRTYPE:
        return
    if header.type not in _REGULAR or given.endswith("/"):
        raise ExtractFailed(f"The archive holds {given[:120]!a}, which is not a regular file.")
    if not given.strip("./"):
        raise ExtractFailed("The archive holds a file without a name.")
    size = header.size if override.size is None else override.size
    if size < 0:
        raise ExtractFailed("The archive holds a member with a negative size.")
    chunks = _chunks(stream, size)
    if name is not None:
        ledger.take(name)
        yield Entry(name, size, chunks)
    for _ in chunks:
        pass
    _exactly(stream, -size % BLOCK)
