"""The framed form of `POST /v1/execute`, which only our own two services use: the JSON form without the body, then the body as it is.

    ┌───────────────────┬────────────────┬─────────────────┐
    │ length of JSON    │ JSON, UTF-8    │ body            │
    │ 4 bytes, unsigned,│                │ what remains    │
    │ big-endian        │                │                 │
    └───────────────────┴────────────────┴─────────────────┘

The JSON is what the JSON form has, except that `body_b64` is an empty string when there is a body, which may itself be empty. Without it
(absent or null) no bytes follow. A response in this form has `header_list` only, not the same headers again in `headers`.

A gateway that reads frames says so with `accept`, and a runner that writes them responds with one; from then on the gateway sends them too.
A runner that no longer reads them rejects the media type (415) before it executes anything.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from holdfast.contract.execute import Envelope, ExecuteCall

FRAME_TYPE = "application/vnd.holdfast.call"
"""The media type of both directions."""

_LENGTH_BYTES = 4
_ENCODE = msgspec.json.Encoder().encode
_DECODE_CALL = msgspec.json.Decoder(ExecuteCall).decode
_DECODE_ENVELOPE = msgspec.json.Decoder(Envelope).decode


class MalformedFrame(ValueError):
    """Raised when bytes are not a frame: too short, or a body that the JSON does not state."""


def encode_call(call: ExecuteCall, body: bytes | None) -> bytes:
    """The frame of a call, whose `body_b64` is `""` when there is a body, else absent."""
    return _join(_ENCODE(call), body)


def decode_call(frame: bytes) -> tuple[ExecuteCall, bytes | None]:
    """The call and its body. Raises MalformedFrame, and msgspec's errors when the JSON is not a call."""
    head, body = _split(frame)
    call = _DECODE_CALL(head)
    return call, _body_of(isinstance(call.http.body_b64, str), call.http.body_b64, body)


def encode_envelope(envelope: Envelope) -> bytes:
    """The frame of a response."""
    body = envelope.body_b64
    head = Envelope(
        status=envelope.status,
        body_b64=None if body is None else b"",
        error=envelope.error,
        header_list=envelope.header_list,
        failure=envelope.failure,
        usage=envelope.usage,
    )
    return _join(_ENCODE(head), body)


def decode_envelope(frame: bytes) -> Envelope:
    """The response. Raises MalformedFrame, and msgspec's errors when the JSON is not an envelope."""
    head, body = _split(frame)
    envelope = _DECODE_ENVELOPE(head)
    content = _body_of(envelope.body_b64 is not None, envelope.body_b64, body)
    if content:
        # The envelope is new and not shared yet; a copy with another body would cost as much as decoding it.
        structs.force_setattr(envelope, "body_b64", content)
    return envelope


def _join(head: bytes, body: bytes | None) -> bytes:
    return b"".join((len(head).to_bytes(_LENGTH_BYTES, "big"), head, body or b""))


def _split(frame: bytes) -> tuple[bytes, bytes]:
    end = _LENGTH_BYTES + int.from_bytes(frame[:_LENGTH_BYTES], "big")
    # A length that is cut off is rejected too: the frame is shorter than the four bytes.
    if len(frame) < end or len(frame) < _LENGTH_BYTES:
        raise MalformedFrame("the frame is shorter than it says")
    return frame[_LENGTH_BYTES:end], frame[end:]


def _body_of(has_body: bool, stated: object, body: bytes) -> bytes | None:
    if stated and isinstance(stated, str | bytes):
        raise MalformedFrame("body_b64 in a frame is an empty string")
    if not has_body and body:
        raise MalformedFrame("the frame has a body that body_b64 does not state")
    return body if has_body else None
