"""The files next to an archive: its signature, and the statement that the signature is over."""

from __future__ import annotations

from pathlib import Path

SIGNATURE_SUFFIX = ".minisig"
STATEMENT_SUFFIX = ".statement.json"


def signature_beside(archive: Path) -> Path:
    """The file of an archive's signature: `bundle.tar.zst.minisig`."""
    return archive.with_name(archive.name + SIGNATURE_SUFFIX)


def statement_beside(archive: Path) -> Path:
    """The file of what an archive's signature is over: `bundle.tar.zst.statement.json`."""
    return archive.with_name(archive.name + STATEMENT_SUFFIX)


def forget_signature(archive: Path) -> None:
    """Removes signature and statement beside an archive that was replaced by another. Raises OSError."""
    signature_beside(archive).unlink(missing_ok=True)
    statement_beside(archive).unlink(missing_ok=True)
