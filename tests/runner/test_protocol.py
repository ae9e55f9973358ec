"""What is held back of an answer leaves at once and whole, also when the connection ends meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from holdfast.runner.protocol import EXTENSION, HeldTransport, send_in_one_piece


class Written(asyncio.Transport):
    """A connection that remembers what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append("closed")


def test_what_is_written_between_is_one_piece_and_the_rest_is_not_held() -> None:
    written = Written()
    held = HeldTransport(written)
    held.write(b"before")
    held.hold()
    held.write(b"head ")
    held.writelines([b"bo", b"dy"])
    assert written.done == [b"before"]
    held.let_go()
    held.let_go()
    held.write(b"after")
    assert written.done == [b"before", b"head body", b"after"]


def test_a_connection_that_is_closed_meanwhile_loses_nothing() -> None:
    written = Written()
    held = HeldTransport(written)
    held.hold()
    held.write(b"all of it")
    held.close()
    assert written.done == [b"all of it", "closed"]


async def test_an_answer_that_cannot_be_sent_does_not_hold_the_next_one() -> None:
    written = Written()
    held = HeldTransport(written)

    async def send(message: Message) -> None:
        held.write(b"head")
        raise RuntimeError(message["type"])

    with pytest.raises(RuntimeError, match="start"):
        await send_in_one_piece({"extensions": {EXTENSION: held}}, send, {"type": "start"}, {"type": "body"})
    held.write(b"next")
    assert written.done == [b"head", b"next"]


async def test_another_server_gets_the_two_messages() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_in_one_piece({}, send, {"type": "start"}, {"type": "body"})
    assert [message["type"] for message in sent] == ["start", "body"]
