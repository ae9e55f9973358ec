"""`holdfast verify`: check whether a bundle has a valid signature, and by which key."""

from __future__ import annotations

import asyncio
import json as json_text
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.bundles.archive.sidecars import signature_path
from holdfast.bundles.manifest.parsing.errors import ManifestMissing
from holdfast.bundles.signing.signature_storage import read_signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_store import TrustedKey, TrustedKeys, TrustStore, utc_now
from holdfast.bundles.signing.verification import verify_signature
from holdfast.cli.terminal.bundle_path import find_bundle
from holdfast.cli.terminal.key_files import read_public_key
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines
from holdfast.client.errors import KeyFileUnusable
from holdfast.client.location.find import find_data_folder
from holdfast.settings import load_settings


async def verify(
    bundle: Path,
    *,
    signature: Annotated[
        Path | None, Parameter(help="The signature file. Default: the .minisig next to the bundle.", show_default=False)
    ] = None,
    key: Annotated[
        Path | None, Parameter(help="Accept only this public key. Default: the keys of the trust store.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Check the signature of a bundle as production does.

    The signature must be for exactly this bundle, by a key that is trusted now.

    Args:
        bundle: The bundle (.tar.zst), or the folder of a packed extension.
    """
    archive = find_bundle(bundle)
    keys = (
        _only(key)
        if key is not None
        else TrustStore(load_settings(data_dir=find_data_folder(data_dir, report=note)).resolved_trust_store).read()
    )
    statement, verdict = await asyncio.to_thread(_check, archive, signature, keys)
    if json:
        signed_statement = None if statement is None else json_text.loads(statement.to_bytes())
        print_json(
            {
                "bundle": str(archive),
                "key_id": verdict.key_id,
                "key_name": verdict.key_name,
                "trusted_comment": verdict.trusted_comment,
                "statement": signed_statement,
            }
        )
        return
    assert statement is not None  # without a statement, no signature is valid
    print_lines(
        f"{archive} is {verdict}",
        f"  comment       {verdict.trusted_comment}",
        f"  bundle        {statement.bundle}",
        f"  extension     {statement.name} {statement.version}",
        f"  publisher     {statement.publisher or 'none'}",
        f"  capabilities  {', '.join(statement.capabilities) or 'none'}",
        f"  hosts         {', '.join(statement.egress) or 'none'}",
    )


def _check(archive: Path, signature: Path | None, keys: TrustedKeys) -> tuple[Statement | None, SignatureStatus]:
    found = read_signature(signature or signature_path(archive))
    if signature is not None and found is None:
        raise KeyFileUnusable(
            f"No signature file {signature} found.", hint="Check --signature, or omit it to use the .minisig next to the bundle."
        )
    try:
        # Production runs what earlier releases published, so its signature is checked too.
        statement = Statement.from_archive(archive, is_stored=True)
    except ManifestMissing:
        statement = None
    return statement, verify_signature(keys, statement, found, datetime.now(UTC))


def _only(path: Path) -> TrustedKeys:
    key = read_public_key(path)
    return TrustedKeys((TrustedKey(id=key.key_id, public_key=key.to_line(), name=path.stem, added_at=utc_now()),), (key,))
