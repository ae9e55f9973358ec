"""The error of a refused host call."""

from __future__ import annotations


class HostError(Exception):
    """`code` is the case the world names, such as `missing` or `denied`; `call` is such as `storage.get`."""

    def __init__(self, call: str, code: str) -> None:
        super().__init__(f"{call}: {code}")
        self.call = call
        self.code = code
