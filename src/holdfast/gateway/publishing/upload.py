"""The body of an upload: passed on piece by piece, never whole in memory, and not for ever."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

from msgspec import Struct
from starlette.requests import Request

from holdfast.gateway.http.errors import GatewayError
from holdfast.registry.errors import BadUpload
from holdfast.registry.publishing.uploads import MAX_UPLOAD_BYTES

STALL_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 32 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_FILENAME_MAX = 255


class Announced(Struct, frozen=True):
    """What the query says of an upload. `declared_hash` is 64 hexadecimal digits."""

    filename: str
    size: int
    declared_hash: str | None


def announced(request: Request) -> Announced:
    """What is about to be uploaded. Raises BadUpload, whose `why` says what is wrong with it."""
    query = request.query_params
    filename, size, declared_hash = query.get("filename", "").strip(), query.get("size", "").strip(), query.get("declaredHash")
    if not filename or len(filename) > _FILENAME_MAX or not filename.isprintable():
        raise refused("filename_required", f"The query names no file, or one of more than {_FILENAME_MAX} characters.")
    if not size:
        raise refused("size_required", "The query does not say how many bytes are uploaded.")
    if not (size.isascii() and size.isdecimal() and len(size) <= 15 and int(size) > 0):
        raise refused("size_invalid", "The size is not a number of bytes.")
    if int(size) > MAX_UPLOAD_BYTES:
        raise refused("size_exceeds_cap", f"A bundle has at most {MAX_UPLOAD_BYTES} bytes.")
    if declared_hash is not None and not _HASH.fullmatch(declared_hash):
        raise refused("declared_hash_invalid", "The declared hash is not 64 lower-case hexadecimal digits.")
    length = request.headers.get("content-length")
    if length is not None and length != size:
        why = "missing_body" if length == "0" else "content_length_mismatch"
        raise refused(why, f"The body has {length} bytes, but {size} were announced.")
    return Announced(filename, int(size), declared_hash)


async def pieces(request: Request, size: int) -> AsyncIterator[bytes]:
    """The body, piece by piece. Raises BadUpload as soon as it exceeds `size`, RequestTimeout when it stalls or crawls."""
    loop, received = asyncio.get_running_loop(), 0
    end = loop.time() + STALL_SECONDS + size / SLOWEST_BYTES_PER_SECOND
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout_at(min(end, loop.time() + STALL_SECONDS)):
                piece = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            raise GatewayError("request_timeout", "The upload stalled.", hint="Upload it again.") from error
        received += len(piece)
        if received > size:
            raise refused("content_length_mismatch", f"The body has more than the {size} bytes that were announced.")
        if piece:
            yield piece
    if received == 0:
        raise refused("missing_body", "The request has no body.")


def refused(why: str, message: str) -> BadUpload:
    return BadUpload(message, details={"why": why})
