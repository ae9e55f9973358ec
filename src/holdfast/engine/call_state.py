"""What host functions find of the call that they serve."""

from __future__ import annotations

from holdfast.engine.call.host import Host
from holdfast.engine.call.limits import Limits
from holdfast.engine.guest_output import GuestOutput
from holdfast.engine.wasi import Sources


class CallState:
    """Host, sources, counters and output of one call. Creates the outputs on first use: most guests write nothing."""

    __slots__ = (
        "_limits",
        "_lines_left",
        "_stderr",
        "_stdout",
        "cpu_seconds",
        "ended_by",
        "fuel_used",
        "host",
        "host_calls_left",
        "source_text",
        "sources",
    )

    def __init__(self, host: Host, limits: Limits, sources: Sources, source_text: str | None = None) -> None:
        """`source_text` is the code that a development component runs."""
        self.host = host
        self.host_calls_left = limits.host_calls
        self.sources = sources
        self.source_text = source_text
        self.fuel_used: int | None = None
        self.cpu_seconds = 0.0
        self.ended_by: BaseException | None = None
        self._limits = limits
        self._lines_left = [limits.log_lines]
        self._stdout: GuestOutput | None = None
        self._stderr: GuestOutput | None = None

    @property
    def stdout(self) -> GuestOutput:
        if self._stdout is None:
            self._stdout = GuestOutput(lambda line: self.host.output("stdout", line), self._lines_left, self._limits.log_line_bytes)
        return self._stdout

    @property
    def stderr(self) -> GuestOutput:
        if self._stderr is None:
            self._stderr = GuestOutput(lambda line: self.host.output("stderr", line), self._lines_left, self._limits.log_line_bytes)
        return self._stderr

    def flush(self) -> list[str]:
        """Passes on unfinished lines. Returns the last lines of stderr."""
        if self._stdout is not None:
            self._stdout.flush()
        if self._stderr is None:
            return []
        self._stderr.flush()
        return list(self._stderr.tail)
