"""Where the credentials of the development account are."""

from __future__ import annotations

from pathlib import Path

CREDENTIALS_FILE = "credentials.json"


def credentials_file(data_dir: Path) -> Path:
    """The file with the email address, password and API key of the development account (mode 0600)."""
    return data_dir / CREDENTIALS_FILE
