"""Compressed responses: what a guest that asks for nothing sees, and what a hostile server can do with one."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard
from starlette.responses import Response

from holdfast.hostcalls import FetchLimits
from holdfast.hostcalls.network.decoding import BodyTooLarge, BodyUndecodable, decoder_of
from holdfast.world.types import HttpError
from tests.events.recording_server import Recorded, RecordingServer
from tests.hostcalls.fake_network import fetch, fetch_error, local_fetcher, request

TEXT = b"0123456789abcdef" * 8_192  # 128 KiB: large enough for the thread when stored, small when compressed
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "zstd"])
@pytest.mark.parametrize("body", [b"a", TEXT, bytes(range(256)) * 1_024], ids=["short", "text", "bytes"])
async def test_a_guest_that_asks_for_no_encoding_gets_the_decoded_bytes(application: RecordingServer, encoding: str, body: bytes) -> None:
    compressed = COMPRESS[encoding.lower().removeprefix("x-")](body)

    def answer(_: Recorded) -> Response:
        return Response(compressed, headers={"content-encoding": encoding, "x-kept": "1"})

    application.answer = answer
    response = await fetch(local_fetcher(application), request(application.url))
    assert response.body == body
    names = {header.name.lower() for header in response.headers}
    assert "x-kept" in names
    assert not names & {"content-encoding", "content-length"}
    assert application.requests[0].header("accept-encoding") == "gzip, zstd"


@pytest.mark.parametrize(("name", "value"), [("Accept-Encoding", "gzip"), ("accept-encoding", "identity"), ("Range", "bytes=0-9")])
async def test_a_guest_that_asks_itself_gets_the_bytes_as_they_are(application: RecordingServer, name: str, value: str) -> None:
    compressed = gzip.compress(TEXT)
    application.answer = lambda _: Response(compressed, headers={"content-encoding": "gzip"})
    response = await fetch(local_fetcher(application), request(application.url, headers=[(name, value)]))
    assert response.body == compressed
    assert ("content-encoding", "gzip") in [(header.name.lower(), header.value) for header in response.headers]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "identity"])
async def test_other_encodings_are_not_decoded(application: RecordingServer, encoding: str) -> None:
    application.answer = lambda _: Response(b"as it is", headers={"content-encoding": encoding})
    response = await fetch(local_fetcher(application), request(application.url))
    assert response.body == b"as it is"
    assert ("content-encoding", encoding) in [(header.name.lower(), header.value) for header in response.headers]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_body_that_expands_above_the_limit_is_a_transport_error(application: RecordingServer, encoding: str) -> None:
    compressed = COMPRESS[encoding](TEXT)
    assert len(compressed) < 1_000
    application.answer = lambda _: Response(compressed, headers={"content-encoding": encoding})
    for limit, accepted in ((len(TEXT), True), (len(TEXT) - 1, False)):
        fetcher = local_fetcher(application, limits=FetchLimits(response_bytes=limit))
        if accepted:
            assert len((await fetch(fetcher, request(application.url))).body or b"") == limit
        else:
            assert await fetch_error(fetcher, request(application.url)) is HttpError.TRANSPORT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_given_up_soon_after_the_limit(encoding: str) -> None:
    decode = decoder_of(encoding)
    assert decode is not None
    bomb = COMPRESS[encoding](bytes(256 * 1024 * 1024))
    with pytest.raises(BodyTooLarge):
        decode(bomb, 1024 * 1024)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_frames_are_one_body_and_a_broken_one_is_none(encoding: str) -> None:
    decode = decoder_of(encoding)
    assert decode is not None
    one = COMPRESS[encoding](TEXT)
    assert decode(one + one, 2 * len(TEXT)) == TEXT + TEXT
    with pytest.raises(BodyTooLarge):
        decode(one + one, 2 * len(TEXT) - 1)
    for broken in (one[:5], one[:-1], one + one[:-1], b"neither of them", one + b"neither of them"):
        with pytest.raises(BodyUndecodable):
            decode(broken, 4 * len(TEXT))


def test_a_zstd_window_above_8_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    large = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = large.compress(bytes(9 * 1024 * 1024)) + large.flush()
    decode = decoder_of("zstd")
    assert decode is not None
    with pytest.raises(BodyUndecodable):
        decode(body, 16 * 1024 * 1024)
