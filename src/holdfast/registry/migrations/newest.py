"""The newest revision of the database, read from the names of the migrations: Alembic's own answer needs its slow import."""

from __future__ import annotations

from pathlib import Path

_VERSIONS = Path(__file__).parent / "versions"


def newest_revision() -> str:
    """The revision that every database is migrated to, such as `0002`. File names begin with their revision."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
