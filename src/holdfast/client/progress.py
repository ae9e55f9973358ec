"""How the client reports the progress of its work. Commands show it; the client itself prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class WorkProgress(Protocol):
    """Receives progress. Calling it with a sentence reports one step."""

    def __call__(self, step: str, /) -> None: ...

    def transfer(self, step: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Reports the transfer of `total` bytes. Call the entered function with the number of bytes of each piece."""
        ...

    def waiting(self, step: str) -> AbstractContextManager[None]:
        """Reports work that takes long and has no known length."""
        ...


class NoProgress:
    """Reports nothing."""

    def __call__(self, step: str, /) -> None:
        pass

    @contextmanager
    def transfer(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda sent: None

    @contextmanager
    def waiting(self, step: str) -> Iterator[None]:
        yield


class StepProgress(NoProgress):
    """Reports only steps, to a function."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report

    def __call__(self, step: str, /) -> None:
        self._report(step)
