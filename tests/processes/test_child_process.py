"""A supervised child: started again when it dies, stopped with its owner, ended by the pipe."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psutil

from holdfast.processes.child_process import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, ParentPipe, SupervisedChild
from holdfast.processes.sockets import listen
from tests.waiting import MAX_WAIT_SECONDS

# Sends its process id over a connection, then waits for the end of the pipe.
GREETER = """
import os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as there:
    there.sendall(str(os.getpid()).encode())
os.read(int(sys.argv[2]), 1)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


class ChildListener:
    """Accepts the connections of children. `next_pid` waits for the next child."""

    def __init__(self) -> None:
        self.listening = listen("127.0.0.1", 0, purpose="test", variable="")
        self.listening.setblocking(False)

    @property
    def port(self) -> str:
        return str(self.listening.getsockname()[1])

    async def next_pid(self) -> int:
        loop = asyncio.get_running_loop()
        connection, _ = await asyncio.wait_for(loop.sock_accept(self.listening), MAX_WAIT_SECONDS)
        with connection:
            return int(await asyncio.wait_for(loop.sock_recv(connection, 32), MAX_WAIT_SECONDS))


@asynccontextmanager
async def running(child: SupervisedChild) -> AsyncIterator[None]:
    task = asyncio.create_task(child.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def greeter(
    children: ChildListener, pipe: ParentPipe, pauses: list[float], *, before: str = "", stop_seconds: float = 30.0
) -> SupervisedChild:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    command = [sys.executable, "-c", before + GREETER, children.port, str(pipe.child_end)]
    return SupervisedChild(
        "greeter", command, environment=dict(os.environ), pass_fds=(pipe.child_end,), pause=pause, stop_seconds=stop_seconds
    )


async def test_a_killed_child_is_started_again_with_growing_pauses() -> None:
    children, pipe, pauses = ChildListener(), ParentPipe(), list[float]()
    with closing(children.listening):
        async with running(greeter(children, pipe, pauses)):
            pids = []
            for _ in range(3):
                pids.append(await children.next_pid())
                os.kill(pids[-1], signal.SIGKILL)
            pids.append(await children.next_pid())
    pipe.close()
    assert len(set(pids)) == 4
    assert pauses == [FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2, FIRST_PAUSE_SECONDS * 4]
    assert pauses[-1] <= MAX_PAUSE_SECONDS


async def test_cancelling_stops_the_child_before_it_returns() -> None:
    children, pipe = ChildListener(), ParentPipe()
    with closing(children.listening):
        child = greeter(children, pipe, [])
        async with running(child):
            pid = await children.next_pid()
            supervised = child.pid
    pipe.close()
    assert supervised == pid
    assert child.pid is None
    assert not psutil.pid_exists(pid)


async def test_a_child_that_ignores_the_request_to_stop_is_killed() -> None:
    children, pipe = ChildListener(), ParentPipe()
    with closing(children.listening):
        child = greeter(children, pipe, [], before=STUBBORN, stop_seconds=0.1)
        async with running(child):
            pid = await children.next_pid()
    pipe.close()
    assert not psutil.pid_exists(pid)


async def test_closing_the_pipe_ends_the_child() -> None:
    children, pipe = ChildListener(), ParentPipe()
    ended = asyncio.Event()

    async def pause(seconds: float) -> None:
        ended.set()
        await asyncio.Event().wait()

    command = [sys.executable, "-c", GREETER, children.port, str(pipe.child_end)]
    child = SupervisedChild("greeter", command, environment=dict(os.environ), pass_fds=(pipe.child_end,), pause=pause)
    with closing(children.listening):
        async with running(child):
            await children.next_pid()
            pipe.close()
            await asyncio.wait_for(ended.wait(), MAX_WAIT_SECONDS)
    assert child.pid is None


async def test_the_output_of_a_child_does_not_reach_our_stdout(tmp_path: Path) -> None:
    script = "import sys; print('noise'); sys.stdout.flush()"
    ended = asyncio.Event()

    async def pause(seconds: float) -> None:
        ended.set()
        await asyncio.Event().wait()

    log = (tmp_path / "log").open("wb")
    with closing(log):
        child = SupervisedChild(
            "talker", [sys.executable, "-c", script], environment=dict(os.environ), pass_fds=(), pause=pause, output=log.fileno()
        )
        async with running(child):
            await asyncio.wait_for(ended.wait(), MAX_WAIT_SECONDS)
    assert (tmp_path / "log").read_text() == "noise\n"
