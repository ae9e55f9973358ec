"""The protocol between the engine and the host functions of one call."""

from __future__ import annotations

from typing import Literal, Protocol

from holdfast.world.functions import Function


class Host(Protocol):
    """Receives the imports that a guest calls. One object per call."""

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        """Runs one imported function. `args` and the returned value are of the world's types. Raises WitError for a result's error case."""

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        """Receives one line that the guest wrote, without its newline. Must not block."""
