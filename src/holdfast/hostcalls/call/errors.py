"""The errors of host functions."""

from __future__ import annotations

from enum import StrEnum

from holdfast.world.functions import WitError


class HostCallError(WitError):
    """Raised by a host function when the error case alone would not tell the author enough.

    The guest receives the case. The reason goes to the debug stream, for the author of the extension.
    """

    def __init__(self, case: StrEnum, reason: str) -> None:
        super().__init__(case)
        self.reason = reason
