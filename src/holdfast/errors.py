"""The one error base and its one JSON shape. Every error has a stable code, an HTTP status and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class HoldfastError(Exception):
    """Something a person or a program can act on.

    `code` is stable and machine-readable, `status` is the HTTP status it maps to, the message is one sentence for a person,
    `hint` (optional) says what to do next, `details` (optional) is JSON data such as the list of faulty fields.
    """

    code: str = "internal_error"
    status: int = 500

    def __init__(self, message: str, *, hint: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def to_json(self, *, request_id: str | None = None) -> dict[str, Any]:
        """The one error shape: `{"error": code, "message": text}` and, where known, `hint`, `details`, `requestId`."""
        shape: dict[str, Any] = {"error": self.code, "message": self.message}
        if self.hint is not None:
            shape["hint"] = self.hint
        if self.details is not None:
            shape["details"] = self.details
        if request_id is not None:
            shape["requestId"] = request_id
        return shape

    def __str__(self) -> str:
        if self.hint is None:
            return self.message
        # After several lines, such as those of a code frame, the hint needs a line of its own.
        return f"{self.message}{chr(10) if chr(10) in self.message else ' '}{self.hint}"


class CodedError(HoldfastError):
    """One class for all errors of a subject that no caller tells apart by type. Each error has one of the codes that `STATUSES` lists.

    A code with a class of its own is for errors that callers catch; everything else needs no class.
    """

    STATUSES: ClassVar[Mapping[str, int]]
    """The codes of the subject, each with its HTTP status."""

    def __init__(self, code: str, message: str, *, hint: str | None = None, details: Any = None) -> None:
        super().__init__(message, hint=hint, details=details)
        # An unknown code fails here, at the place that raises, not as a strange response to someone else.
        self.status = self.STATUSES[code]
        self.code = code
