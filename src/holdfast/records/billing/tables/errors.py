"""Why an import is refused, with the place of each error."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from holdfast.errors import CodedError

MAX_REPORTED = 1_000


class RecordsError(CodedError):
    """Raised when records are not imported; nothing has changed then. `details` may have `total` and the first of the `errors`."""

    STATUSES: ClassVar = {
        # Rows with wrong values; `details.errors` has the line, the column and what is wrong.
        "records_invalid": 400,
        # The text has too many bytes or rows.
        "records_too_large": 413,
    }


class RowError(Struct, frozen=True):
    """What is wrong at a place of a table. Lines begin at 1; `column` is the name of the column, None when it is the whole line."""

    line: int
    column: str | None
    message: str


class RowErrors:
    """Collects the errors of an import."""

    def __init__(self) -> None:
        self._errors: list[RowError] = []

    def add(self, line: int, column: str | None, message: str) -> None:
        self._errors.append(RowError(line, column, message))

    def raise_if_any(self) -> None:
        """Raises RecordsError (`records_invalid`) when there is an error."""
        if not self._errors:
            return
        found = sorted(self._errors, key=lambda error: error.line)
        total = len(found)
        raise RecordsError(
            "records_invalid",
            f"{total} {'value is' if total == 1 else 'values are'} not valid; nothing was imported.",
            hint="Correct them and import again.",
            details={"total": total, "errors": [vars_of(error) for error in found[:MAX_REPORTED]]},
        )


def vars_of(error: RowError) -> dict[str, object]:
    """The error as JSON."""
    return {"line": error.line, "column": error.column, "message": error.message}
