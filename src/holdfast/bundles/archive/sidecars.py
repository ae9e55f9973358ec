"""The files next to an archive: its signature, and the statement that the signature covers."""

from __future__ import annotations

from pathlib import Path

SIGNATURE_SUFFIX = ".minisig"
STATEMENT_SUFFIX = ".statement.json"


def signature_path(archive: Path) -> Path:
    """The path of an archive's signature: `bundle.tar.zst.minisig`."""
    return archive.with_name(archive.name + SIGNATURE_SUFFIX)


def statement_path(archive: Path) -> Path:
    """The path of the statement about an archive: `bundle.tar.zst.statement.json`."""
    return archive.with_name(archive.name + STATEMENT_SUFFIX)


def remove_signature_files(archive: Path) -> None:
    """Removes the signature and the statement of an archive, if there are any. Raises OSError."""
    signature_path(archive).unlink(missing_ok=True)
    statement_path(archive).unlink(missing_ok=True)
