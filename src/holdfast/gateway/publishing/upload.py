"""Reads an upload: its query, and its body chunk by chunk. The body is never whole in memory and must arrive at a minimum rate."""

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
MIN_BYTES_PER_SECOND = 32 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_FILENAME_LENGTH = 255
_MAX_SIZE_DIGITS = 15


class UploadQuery(Struct, frozen=True):
    """What the query declares about an upload. `size` is in bytes, `declared_hash` is 64 hexadecimal digits."""

    filename: str
    size: int
    declared_hash: str | None


def parse_upload_query(request: Request) -> UploadQuery:
    """The declared upload. Raises BadUpload, whose `details.why` names the error, as the published tools know it."""
    query = request.query_params
    filename, size, declared_hash = query.get("filename", "").strip(), query.get("size", "").strip(), query.get("declaredHash")
    if not filename or len(filename) > _MAX_FILENAME_LENGTH or not filename.isprintable():
        raise bad_upload("filename_required", f"The query needs a filename of 1 to {_MAX_FILENAME_LENGTH} printable characters.")
    if not size:
        raise bad_upload("size_required", "The query needs the size of the upload in bytes.")
    if not (size.isascii() and size.isdecimal() and len(size) <= _MAX_SIZE_DIGITS and int(size) > 0):
        raise bad_upload("size_invalid", "The size is not a number of bytes.")
    if int(size) > MAX_UPLOAD_BYTES:
        raise bad_upload("size_exceeds_cap", f"A bundle has at most {MAX_UPLOAD_BYTES} bytes.")
    if declared_hash is not None and not _HASH.fullmatch(declared_hash):
        raise bad_upload("declared_hash_invalid", "The declared hash is not 64 lower-case hexadecimal digits.")
    length = request.headers.get("content-length")
    if length is not None and length != size:
        why = "missing_body" if length == "0" else "content_length_mismatch"
        raise bad_upload(why, f"The body has {length} bytes, but the query declares {size}.")
    return UploadQuery(filename, int(size), declared_hash)


async def read_chunks(request: Request, size: int) -> AsyncIterator[bytes]:
    """The body in chunks. Raises BadUpload as soon as it exceeds `size` bytes, GatewayError (`request_timeout`) when it is too slow."""
    loop, received = asyncio.get_running_loop(), 0
    # Two limits: each chunk within the stall time, and all of them within the time that the minimum rate allows.
    end = loop.time() + STALL_SECONDS + size / MIN_BYTES_PER_SECOND
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout_at(min(end, loop.time() + STALL_SECONDS)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            raise GatewayError("request_timeout", "The upload stalled.", hint="Upload the bundle again.") from error
        received += len(chunk)
        if received > size:
            raise bad_upload("content_length_mismatch", f"The body has more than the declared {size} bytes.")
        if chunk:
            yield chunk
    if received == 0:
        raise bad_upload("missing_body", "The request has no body.")


def bad_upload(why: str, message: str) -> BadUpload:
    return BadUpload(message, details={"why": why})
