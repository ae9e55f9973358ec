"""Idempotency keys of the requests that create something for a guest: the same when the whole call is repeated.

request  ── same body as one without a known outcome? ── yes ──▶ its key again: the guest tries again after a lost response
                              │ no
                              ▼
                     key of the call + number of the request
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from holdfast.contract.call_headers import IDEMPOTENCY_KEY_HEADER


@dataclass
class RequestKey:
    """The key of one request. Set `is_settled` when it is known whether the application did it."""

    headers: Mapping[str, str]
    is_settled: bool = False


class RequestKeys:
    """The keys of one call, from texts that identify it. Without texts there are none, because a repetition could not be recognised."""

    def __init__(self, call: Sequence[str]) -> None:
        self._call_key = hashlib.sha256(msgspec.json.encode(call)).hexdigest() if call else None
        self._count = 0
        self._unsettled: dict[bytes, list[int]] = {}

    @contextmanager
    def key(self, body: Mapping[str, Any]) -> Iterator[RequestKey]:
        """The key of a request, while it is sent."""
        if self._call_key is None:
            yield RequestKey({})
            return
        digest = hashlib.sha256(msgspec.json.encode(body)).digest()
        number = self._number(digest)
        key = RequestKey({IDEMPOTENCY_KEY_HEADER: f"{self._call_key}.{number}"})
        try:
            yield key
        finally:
            if not key.is_settled:
                self._unsettled.setdefault(digest, []).append(number)

    def _number(self, digest: bytes) -> int:
        numbers = self._unsettled.get(digest)
        if numbers:
            return numbers.pop()
        self._count += 1
        return self._count
