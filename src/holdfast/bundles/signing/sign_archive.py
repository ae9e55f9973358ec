"""Signs a bundle: writes the statement about it, and the signature over that statement, next to the archive."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from holdfast.bundles.archive.sidecars import signature_path, statement_path
from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.statement import Statement


class SignedBundle(Struct, frozen=True):
    """The files that were written. `minisign -V -m STATEMENT -x SIGNATURE` verifies them."""

    archive: Path
    signature: Path
    statement_file: Path
    statement: Statement
    key_id: str


def sign_archive(archive: Path, key: SecretKey, now: datetime) -> SignedBundle:
    """Signs a `.tar.zst`; an earlier signature of it is replaced. As minisign's, the trusted comment contains the time and the file name.

    Raises ExtractFailed, ManifestMissing or ManifestError when the archive is not a bundle, and OSError.
    """
    statement = Statement.from_archive(archive)
    signature, statement_file = signature_path(archive), statement_path(archive)
    signed = key.sign(statement.to_bytes(), f"timestamp:{int(now.timestamp())}\tfile:{statement_file.name}\thashed")
    _replace(statement_file, statement.to_bytes())
    _replace(signature, signed.to_text().encode())
    return SignedBundle(archive, signature, statement_file, statement, key.public.key_id)


def _replace(path: Path, content: bytes) -> None:
    descriptor, partial_name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(partial_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
