"""Starlette's headers with a table: looked up by name without a search through all of them."""

from __future__ import annotations

from starlette.datastructures import Headers

from holdfast.http.fast_path import RawHeaders, header_table


class HeaderTable(Headers):
    """Starlette's `Headers` with a table: a look-up there decodes the name and compares it with that of every header."""

    def __init__(self, raw: RawHeaders) -> None:
        super().__init__(raw=list(raw))
        self._table = header_table(raw)

    def __getitem__(self, key: str) -> str:
        return self._table[key.lower()]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._table

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return self._table.get(key.lower(), default)

    def getlist(self, key: str) -> list[str]:
        return super().getlist(key) if key.lower() in self._table else []
