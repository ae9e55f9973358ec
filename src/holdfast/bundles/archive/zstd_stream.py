"""Decompresses an archive as a stream, and stops at the limits: a small archive must not expand without bound (a zip bomb)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import LIMITS, MIB, ArchiveLimits


class ExpandedStream:
    """Decompresses only as many bytes as are requested, and counts them against the limits."""

    def __init__(self, reader: zstandard.ZstdDecompressionReader, compressed: int, limits: ArchiveLimits) -> None:
        self._reader = reader
        self._compressed = compressed
        self._limits = limits
        self._expanded = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the stream. Raises ExtractFailed for a damaged stream and beyond the limits."""
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self._reader.read(min(size, MIB))
            except zstandard.ZstdError as error:
                raise ExtractFailed("not_zstd", f"The archive is not a zstd stream, or is damaged ({error}).") from None
            if not piece:
                break
            self._count(len(piece))
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _count(self, size: int) -> None:
        self._expanded += size
        if self._expanded > self._limits.expanded:
            raise ExtractFailed("expanded_size", f"The archive expands to more than {self._limits.expanded} bytes.")
        if self._expanded > self._limits.ratio_from and self._expanded > self._limits.ratio * self._compressed:
            raise ExtractFailed("expansion_ratio", f"The archive expands to more than {self._limits.ratio} times its size.")


@contextmanager
def open_expanded(archive: Path, limits: ArchiveLimits = LIMITS) -> Iterator[ExpandedStream]:
    """The decompressed bytes of the zstd file `archive`. Raises ExtractFailed when the file is too large, OSError."""
    compressed = archive.stat().st_size
    if compressed > limits.compressed:
        raise ExtractFailed("compressed_size", f"The archive has {compressed} bytes; the limit is {limits.compressed}.")
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor(max_window_size=limits.window).stream_reader(file, read_across_frames=True) as reader,
    ):
        yield ExpandedStream(reader, compressed, limits)
