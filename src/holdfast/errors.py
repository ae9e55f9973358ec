"""The one error base and its one JSON shape. Every refusal has a stable code, an HTTP status and a sentence that says what to do."""

from __future__ import annotations

from typing import Any, ClassVar


class HoldfastError(Exception):
    """Something a person or a program can act on.

    `code` is stable and machine-readable, `status` is the HTTP status it maps to, the message is one sentence for a person,
    `hint` (optional) says what to do next, `details` (optional) is JSON data such as the list of faulty fields.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

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
        return self.message if self.hint is None else f"{self.message} {self.hint}"
