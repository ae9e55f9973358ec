"""Masks the values of secrets in text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from holdfast.events.text import truncate

MASK = "[secret]"

MIN_SECRET_CHARACTERS = 4
"""Shorter values are not masked: `1`, `yes` or `eu` occur in most lines by chance. Masking them would make the stream unreadable and, by
the masked places, reveal the value. A value this short protects nothing."""


class Redactor:
    """Replaces the values of one call's secrets, as they are, percent-encoded, or escaped as in a JSON string, with `[secret]`.

    It works by value and within one text: a guest that splits a secret can still show its parts.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for value in secrets:
            if len(value) >= MIN_SECRET_CHARACTERS:
                forms |= {value, quote(value, safe=""), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        # Longest first, so that a secret that starts with another one is masked completely.
        ordered = sorted(forms, key=len, reverse=True)
        self._forms = tuple(ordered)
        self._longest = len(ordered[0]) if ordered else 0
        self._pattern = re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        """`text` with every secret masked."""
        return text if self._pattern is None or not self._contains_secret(text) else self._pattern.sub(MASK, text)

    def redact_and_truncate(self, text: str, max_bytes: int) -> tuple[str, bool]:
        """`text` with every secret masked, truncated to `max_bytes` bytes of UTF-8, and whether it was truncated.

        Masks first: truncating first could leave the first half of a secret at the end. Of a long text, searches only the part that
        can remain, plus the length of one secret.
        """
        if self._pattern is None:
            return truncate(text, max_bytes)
        window = text[: max_bytes + self._longest]
        if not self._contains_secret(window):
            return truncate(text, max_bytes)
        pieces: list[str] = []
        position = 0
        for match in self._pattern.finditer(window):
            if match.start() >= max_bytes:
                break
            pieces += (window[position : match.start()], MASK)
            position = match.end()
        pieces.append(window[position : max(position, max_bytes)])
        result, truncated = truncate("".join(pieces), max_bytes)
        return result, truncated or len(text) > max(position, max_bytes)

    def _contains_secret(self, text: str) -> bool:
        # Almost no text contains a secret, and searching for each form takes a tenth of the time of the pattern.
        for form in self._forms:  # noqa: SIM110 (a generator costs more than the search)
            if form in text:
                return True
        return False


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with the values in `secrets` masked; values shorter than four characters are not (see `MIN_SECRET_CHARACTERS`)."""
    return Redactor(secrets)(text)
