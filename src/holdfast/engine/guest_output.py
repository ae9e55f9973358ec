"""A guest's stdout or stderr, split into lines as the guest writes, within the limits of the call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

TAIL_LINES = 40
"""Lines kept for the failure report."""


class GuestOutput:
    """Collects bytes and passes on whole lines. `lines_left` has one item: how many lines the streams of one call may still pass on."""

    def __init__(self, emit: Callable[[str], None], lines_left: list[int], line_bytes: int) -> None:
        self._emit = emit
        self._lines_left = lines_left
        self._line_bytes = line_bytes
        self._partial = bytearray()
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def write(self, data: bytes) -> None:
        """Adds bytes as the guest writes them; a newline ends a line. Cuts a line at its limit and drops the rest of it."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._add(line)
            self.flush(even_empty=True)
        self._add(rest)

    def flush(self, *, even_empty: bool = False) -> None:
        """Passes on the collected bytes as a line: at a newline, and at the end of the call."""
        if not self._partial and not even_empty:
            return
        text = bytes(self._partial).decode(errors="replace").rstrip("\r")
        self._partial.clear()
        self.tail.append(text)
        if self._lines_left[0] > 0:
            self._lines_left[0] -= 1
            self._emit(text)
            if self._lines_left[0] == 0:
                self._emit("… further output of this call is dropped: the limit of lines is reached")

    def _add(self, data: bytes) -> None:
        free = self._line_bytes - len(self._partial)
        if free > 0:
            self._partial += data[:free]
