"""In place of the compiled module for bzip2."""

from __future__ import annotations

from holdfast_sdk.component.stand_ins import refusal

_REASON = "bzip2 is unavailable in a component: use zlib or gzip"
_MAGIC = b"BZh"


class BZ2Compressor:
    """Cannot be made."""

    __init__ = refusal(_REASON)


class BZ2Decompressor:
    """Rejects what is not bzip2 as on a computer, so that `tarfile` finds out the format of an archive. Refuses what is."""

    eof = False
    needs_input = True
    unused_data = b""

    def __init__(self) -> None:
        self._start = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Raises OSError for data of another format, NotImplementedError for bzip2."""
        self._start += bytes(data[: len(_MAGIC)])
        if not self._start.startswith(_MAGIC[: len(self._start)]):
            raise OSError("Invalid data stream")
        if len(self._start) >= len(_MAGIC):
            raise NotImplementedError(_REASON)
        return b""
