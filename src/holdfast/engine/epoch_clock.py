"""Advances the engine's epoch, so that a computing guest yields to the event loop.

idle ── wake ──► ticking every 4 ms ── 500 ticks without a call ──► idle
                      ▲                                              │ a call started between the last check and `idle = True`
                      └──────────────────────────────────────────────┘
"""

from __future__ import annotations

import threading
import time

from holdfast.engine.capi import NativeEngine

TICK_SECONDS = 0.004
"""How long a computing guest may hold the event loop at a time."""

_IDLE_TICKS = 500


class EpochClock:
    """Ticks while calls run, from its own thread: a computing guest holds the thread of the event loop.

    A call adds 1 to `calls`, wakes the clock if it is `idle`, and subtracts 1 at its end: plain attributes, because every call does it.
    """

    def __init__(self, engine: NativeEngine) -> None:
        self.calls = 0
        self.idle = True
        self._engine = engine
        self._awake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="holdfast-clock", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._awake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._awake.wait()
            self._awake.clear()
            self.idle = False
            idle_ticks = 0
            # Keeps ticking for two seconds without calls: waking a thread for every call would cost more than the call's own overhead.
            while idle_ticks < _IDLE_TICKS and not self._stopped:
                time.sleep(TICK_SECONDS)
                self._engine.tick()
                idle_ticks = 0 if self.calls else idle_ticks + 1
            self.idle = True
            if self.calls:  # one started after the last check and saw a clock that still ticked
                self._awake.set()

    def stop(self) -> None:
        """Stops the thread and waits for it."""
        self._stopped = True
        self._awake.set()
        self._thread.join()
