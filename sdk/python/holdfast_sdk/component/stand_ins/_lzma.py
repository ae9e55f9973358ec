"""In place of the compiled module for LZMA and XZ. The numbers are those of liblzma (lzma/container.h, lzma/filter.h)."""

from __future__ import annotations

from typing import Any

from holdfast_sdk.component.stand_ins import refusal

_REASON = "LZMA and XZ are unavailable in a component: use zlib or gzip"
_XZ_MAGIC = b"\xfd7zXZ\0"
_ALONE_HEADER = 13
_FIRST_BYTES = 9 * 5 * 5
"""The first byte of the old format is below this."""
_DICTIONARIES = frozenset({2**32 - 1, *(2**n for n in range(32)), *(3 * 2**n for n in range(31))})
_UNKNOWN_SIZE = 2**64 - 1
_MAX_SIZE = 2**38

FORMAT_AUTO, FORMAT_XZ, FORMAT_ALONE, FORMAT_RAW = range(4)
CHECK_NONE, CHECK_CRC32, CHECK_CRC64, CHECK_SHA256, CHECK_ID_MAX, CHECK_UNKNOWN = 0, 1, 4, 10, 15, 16
FILTER_LZMA1, FILTER_LZMA2, FILTER_DELTA = 0x4000000000000001, 33, 3
FILTER_X86, FILTER_POWERPC, FILTER_IA64, FILTER_ARM, FILTER_ARMTHUMB, FILTER_SPARC = range(4, 10)
MF_HC3, MF_HC4, MF_BT2, MF_BT3, MF_BT4 = 3, 4, 18, 19, 20
MODE_FAST, MODE_NORMAL = 1, 2
PRESET_DEFAULT, PRESET_EXTREME = 6, 2**31

_encode_filter_properties = refusal(_REASON)
_decode_filter_properties = refusal(_REASON)


class LZMAError(Exception):
    """Raised for data of another format."""


class LZMACompressor:
    """Cannot be made."""

    __init__ = refusal(_REASON)


def is_check_supported(check_id: int, /) -> bool:
    """No integrity check is supported."""
    return False


def _is_alone(header: bytes) -> bool:
    """Whether `header` can start a file of the old format, which has no magic number. The rules are those of `lzma_auto_decoder`."""
    size = int.from_bytes(header[5:13], "little")
    return int.from_bytes(header[1:5], "little") in _DICTIONARIES and (size == _UNKNOWN_SIZE or size < _MAX_SIZE)


class LZMADecompressor:
    """Rejects what is neither XZ nor LZMA as on a computer, so that `tarfile` finds out the format of an archive. Refuses what is."""

    check = CHECK_UNKNOWN
    eof = False
    needs_input = True
    unused_data = b""

    def __init__(self, format: int = FORMAT_AUTO, memlimit: int | None = None, filters: Any = None) -> None:  # noqa: A002 - its name
        if format == FORMAT_RAW:
            raise NotImplementedError(_REASON)
        self._start = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Raises LZMAError for data of another format, NotImplementedError for XZ and LZMA."""
        self._start += bytes(data[:_ALONE_HEADER])
        if _XZ_MAGIC.startswith(self._start[: len(_XZ_MAGIC)]):
            needed, is_ours = len(_XZ_MAGIC), True
        else:
            needed, is_ours = _ALONE_HEADER, self._start[0] < _FIRST_BYTES
        if is_ours and len(self._start) < needed:
            return b""
        if is_ours and (needed == len(_XZ_MAGIC) or _is_alone(self._start)):
            raise NotImplementedError(_REASON)
        raise LZMAError("Input format not supported by decoder")
