"""Reads single keys from the terminal, and restores the terminal however the process ends.

Only input is switched to single keys: signals (Ctrl-C, Ctrl-Z) and output stay as they are. Without a terminal there are no keys.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MAX_BYTES = 64
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
"""What an arrow or a function key sends (ECMA-48, section 5.4): none of its bytes is a key of ours."""


@contextmanager
def keys_read(on_key: Callable[[str], None], descriptor: int | None = None) -> Iterator[bool]:
    """Calls `on_key` with each key that is pressed during the block; yields whether there is a terminal to read."""
    source = _terminal() if descriptor is None else descriptor
    if source is None:
        yield False
        return
    before = termios.tcgetattr(source)
    loop = asyncio.get_running_loop()

    def restore() -> None:
        # With signals of background jobs blocked: restoring from the background must not stop the process.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            termios.tcsetattr(source, termios.TCSADRAIN, before)
        except termios.error:
            return  # the terminal is gone
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def readable() -> None:
        try:
            pressed = os.read(source, _MAX_BYTES)
        except OSError:
            pressed = b""
        if not pressed:
            loop.remove_reader(source)
            return
        for key in _SEQUENCE.sub(b"", pressed).decode(errors="ignore"):
            on_key(key)

    # Also when an exception that nothing handles ends the process.
    atexit.register(restore)
    try:
        _set_single_keys(source, before)
        loop.add_reader(source, readable)
        # After Ctrl-Z and `fg`, the shell has set its own mode.
        loop.add_signal_handler(signal.SIGCONT, _set_single_keys, source, before)
        yield True
    finally:
        loop.remove_reader(source)
        loop.remove_signal_handler(signal.SIGCONT)
        restore()
        atexit.unregister(restore)


def _set_single_keys(source: int, before: list[Any]) -> None:
    mode = [*before[:3], before[3] & ~(termios.ICANON | termios.ECHO), *before[4:]]
    termios.tcsetattr(source, termios.TCSADRAIN, mode)


def _terminal() -> int | None:
    """The standard input if it is a terminal in whose foreground this process runs."""
    try:
        source = sys.stdin.fileno()
        if not os.isatty(source) or not sys.stdout.isatty() or os.tcgetpgrp(source) != os.getpgrp():
            return None
    except (OSError, ValueError, AttributeError):
        return None
    return source
