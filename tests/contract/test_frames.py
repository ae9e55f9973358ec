"""Frames: what one of our services writes, the other reads; anything else is rejected at once."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from holdfast.contract.execute import CallUsage, Envelope, ExecuteCall, ExecuteContext, ExecuteHttp, FailureReport
from holdfast.contract.frames import MalformedFrame, decode_call, decode_envelope, encode_call, encode_envelope

CALL = ExecuteCall(
    context=ExecuteContext(tenant_id="t", extension_id="e", content_hash="sha256:ab"), http=ExecuteHttp(method="POST", path="/ä")
)
bodies = st.none() | st.binary(max_size=300)


def call_with(body: bytes | None) -> ExecuteCall:
    return CALL if body is None else structs.replace(CALL, http=structs.replace(CALL.http, body_b64=""))


def frame(head: bytes, body: bytes = b"") -> bytes:
    return len(head).to_bytes(4, "big") + head + body


@given(body=bodies)
def test_a_call_arrives_as_it_was_sent(body: bytes | None) -> None:
    assert decode_call(encode_call(call_with(body), body)) == (call_with(body), body)


@given(
    envelope=st.builds(
        Envelope,
        status=st.integers(0, 65_535),
        body_b64=bodies,
        error=st.none() | st.text(),
        header_list=st.lists(st.tuples(st.text(), st.text())),
        failure=st.just(msgspec.UNSET) | st.builds(FailureReport, code=st.text()),
        usage=st.just(msgspec.UNSET) | st.builds(CallUsage, cpu_us=st.integers(0, 10**9), fuel=st.none() | st.integers(1, 10**9)),
    )
)
def test_a_response_arrives_as_it_was_sent(envelope: Envelope) -> None:
    assert decode_envelope(encode_envelope(envelope)) == envelope


def test_the_body_follows_the_json_as_it_is() -> None:
    encoded = encode_envelope(Envelope(status=200, headers={"a": "b"}, header_list=[("a", "b")], body_b64=b"\0\xff"))
    length = int.from_bytes(encoded[:4], "big")
    assert msgspec.json.decode(encoded[4 : 4 + length])["body_b64"] == ""
    assert encoded[4 + length :] == b"\0\xff"
    assert msgspec.json.decode(encoded[4 : 4 + length])["headers"] == {}


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\0\0\0",
        b"\xff\xff\xff\xff{}",
        encode_call(CALL, None)[:-1],
        frame(msgspec.json.encode(CALL), b"a body that is not stated"),
        frame(msgspec.json.encode(structs.replace(CALL, http=structs.replace(CALL.http, body_b64="YQ=="))), b"a"),
    ],
)
def test_what_is_not_a_frame_is_rejected(malformed: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode_call(malformed)


@pytest.mark.parametrize(
    "malformed",
    [b"", frame(b'{"status":200}', b"a"), frame(b'{"status":200,"body_b64":"YQ=="}', b"a"), frame(b'{"status":200}')[:-1]],
)
def test_what_is_not_a_frame_of_a_response_is_rejected(malformed: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode_envelope(malformed)


@pytest.mark.fuzz
@given(st.binary(max_size=60) | st.builds(frame, st.binary(max_size=60), st.binary(max_size=9)))
def test_any_bytes_are_a_call_or_an_error(content: bytes) -> None:
    for decode in (decode_call, decode_envelope):
        try:
            decode(content)
        except (MalformedFrame, msgspec.MsgspecError, UnicodeDecodeError):
            continue
        assert content


@given(st.sampled_from([b"x", b"\0", b"[", b'{"a":']), st.integers(0, 50))
def test_a_frame_is_read_once(unit: bytes, length: int) -> None:
    # Whatever length a stranger states, the frame is cut in two: nothing of that length is allocated, and no byte is read twice.
    content = unit * 1_000
    stated = (length * 100).to_bytes(4, "big") + content
    with pytest.raises((MalformedFrame, msgspec.MsgspecError, RecursionError)):
        decode_call(stated)
