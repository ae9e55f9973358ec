"""The error of a host function."""

from __future__ import annotations


class HostError(Exception):
    """Raised when a host function fails. `call` names it, such as `storage.get`; `code` is the reason, such as `missing` or `denied`."""

    def __init__(self, call: str, code: str) -> None:
        super().__init__(f"{call}: {code}")
        self.call = call
        self.code = code
