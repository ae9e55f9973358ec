"""The two forms of a call and its response: JSON for every caller, and frames (see `contract.frames`) for our own gateway."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.contract import frames
from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.contract.frames import FRAME_TYPE, MalformedFrame
from holdfast.runner.execute.guest_request import GuestBody, body_in_json
from holdfast.runner.http.errors import MalformedBody
from holdfast.runner.http.fast_response import FastResponse
from holdfast.runner.http.json_body import DECODING_ERRORS, body_error, decode, require_json

_FRAME_TYPE = FRAME_TYPE.encode()


def is_framed(headers: Mapping[str, str]) -> bool:
    """Whether the request is a frame."""
    return headers.get("content-type") == FRAME_TYPE


def accepts_frames(headers: Mapping[str, str]) -> bool:
    """Whether the caller reads a frame as the response to a request in JSON."""
    return FRAME_TYPE in headers.get("accept", "")


def require_call(headers: Mapping[str, str]) -> None:
    """Raises UnsupportedBody unless the request has one of the two forms."""
    if not is_framed(headers):
        require_json(headers)


def decode_call(body: bytes, *, framed: bool) -> tuple[ExecuteCall, GuestBody]:
    """The call and the body for its guest. Raises MalformedBody and WrongShape."""
    if not framed:
        call = decode(body, ExecuteCall)
        return call, body_in_json(call)
    try:
        call, content = frames.decode_call(body)
    except MalformedFrame as error:
        raise MalformedBody(f"The request body is not a frame: {error}.") from None
    except DECODING_ERRORS as error:
        raise body_error(error) from None
    return call, GuestBody(content)


def encode_envelope(envelope: Envelope, *, framed: bool) -> FastResponse:
    """The response to a call."""
    return FastResponse(frames.encode_envelope(envelope), _FRAME_TYPE) if framed else FastResponse(msgspec.json.encode(envelope))
