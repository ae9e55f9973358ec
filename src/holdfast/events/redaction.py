"""Takes the values of secrets out of text before anybody reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from holdfast.events.text import clip

MASK = "[secret]"

MIN_SECRET_CHARACTERS = 4
"""Shorter values are left alone: `1`, `yes` or `eu` occur in most lines by chance, and masking them would make the stream unreadable
while telling the reader, by the places that are masked, what the value is. A value this short protects nothing."""


class Redactor:
    """Replaces the values of one call's secrets, as they are, percent-encoded, or escaped as in a JSON string, with `[secret]`.

    It works by value and within one text: a guest that takes a secret apart can still show its parts.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for value in secrets:
            if len(value) >= MIN_SECRET_CHARACTERS:
                forms |= {value, quote(value, safe=""), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        # Longest first, so that a secret which begins with another one is masked whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._forms = tuple(ordered)
        self._longest = len(ordered[0]) if ordered else 0
        self._pattern = re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        """`text` with every secret masked."""
        return text if self._pattern is None or not self._shows_in(text) else self._pattern.sub(MASK, text)

    def clipped(self, text: str, max_bytes: int) -> tuple[str, bool]:
        """`text` with every secret masked, cut to `max_bytes` bytes of UTF-8, and whether anything was cut off.

        Masking comes before cutting, or the first half of a secret could stand at the end. Only as much of a long text is searched as
        can be kept, plus one secret's length.
        """
        if self._pattern is None:
            return clip(text, max_bytes)
        window = text[: max_bytes + self._longest]
        if not self._shows_in(window):
            return clip(text, max_bytes)
        pieces: list[str] = []
        position = 0
        for match in self._pattern.finditer(window):
            if match.start() >= max_bytes:
                break
            pieces += (window[position : match.start()], MASK)
            position = match.end()
        pieces.append(window[position : max(position, max_bytes)])
        kept, cut = clip("".join(pieces), max_bytes)
        return kept, cut or len(text) > max(position, max_bytes)

    def _shows_in(self, text: str) -> bool:
        # Nearly no text has a secret in it, and to look for each one takes a tenth of what the pattern takes.
        for form in self._forms:  # noqa: SIM110 (a generator costs more than the search)
            if form in text:
                return True
        return False


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with the values in `secrets` masked; values shorter than four characters are not (see `MIN_SECRET_CHARACTERS`)."""
    return Redactor(secrets)(text)
