"""The queue of builds as a state machine: whatever happens in whatever order, no change is lost and no build is doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from holdfast.dev.watching.build_queue import BuildQueue

PATHS = [Path(name) for name in ("handler.ts", "page.css", "manifest.json")]


class Queue(RuleBasedStateMachine):
    """Compares the queue with a model: the changes that no build has begun with yet."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.queue = BuildQueue()
        self.pending: set[Path] = set()
        self.is_wanted = self.is_building = False
        self.changes = self.builds = 0

    @rule(changed=st.sets(st.sampled_from(PATHS)))
    def change(self, changed: set[Path]) -> None:
        self.queue.want(changed)
        self.pending |= changed
        self.is_wanted = True
        self.changes += 1

    @precondition(lambda self: self.is_wanted and not self.is_building)
    @rule()
    def begin(self) -> None:
        assert self.loop.run_until_complete(self.queue.begin()) == self.pending
        self.pending, self.is_wanted, self.is_building = set(), False, True
        self.builds += 1

    @precondition(lambda self: self.is_building)
    @rule()
    def end(self) -> None:
        self.queue.end()
        self.is_building = False

    @invariant()
    def state_is_that_of_the_model(self) -> None:
        assert self.queue.is_wanted == self.is_wanted
        assert self.queue.is_idle == (not self.is_wanted and not self.is_building)
        assert self.builds <= self.changes

    def teardown(self) -> None:
        self.loop.close()


TestQueue = Queue.TestCase


@given(st.lists(st.lists(st.sampled_from(PATHS), max_size=3), min_size=1, max_size=20))
def test_a_loop_builds_the_last_of_any_series_of_changes(series: list[list[Path]]) -> None:
    """Changes come while builds run. After the last, the newest build began after it, and the loop is idle."""

    async def run() -> None:
        queue, saved, built = BuildQueue(), 0, 0
        finished = asyncio.Event()

        async def build() -> None:
            nonlocal built
            while True:
                await queue.begin()
                reads = saved
                await asyncio.sleep(0)
                queue.end()
                built = reads
                if reads == len(series):
                    finished.set()

        running = asyncio.create_task(build())
        for changed in series:
            saved += 1
            queue.want(changed)
            if len(changed) % 2:
                await asyncio.sleep(0)
        await finished.wait()
        running.cancel()
        assert built == len(series)
        assert queue.is_idle

    asyncio.run(run())


async def test_a_second_build_cannot_begin() -> None:
    queue = BuildQueue()
    queue.want()
    await queue.begin()
    with pytest.raises(RuntimeError):
        await queue.begin()
