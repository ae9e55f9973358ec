"""The error of a host function."""

from __future__ import annotations


class HostError(Exception):
    """Raised when a host function fails. `call` names it, such as `storage.get`; `code` is the reason, such as `missing` or `denied`.

    The text also has a `hint` at what to change, where one is known.
    """

    def __init__(self, call: str, code: str, hint: str | None = None) -> None:
        super().__init__(f"{call}: {code}" if hint is None else f"{call}: {code}. {hint}")
        self.call = call
        self.code = code
