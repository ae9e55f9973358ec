"""Errors that several modules of the client and the commands raise."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class KeyFileUnusable(HoldfastError):
    """Raised when the file of a key or a password cannot be read or written, or has the wrong content."""

    code = "key_file_unusable"
    status = 400


class PasswordNotGiven(HoldfastError):
    """Raised when a command needs a password and you gave no password."""

    code = "password_not_given"
    status = 400
