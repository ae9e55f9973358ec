"""`holdfast sign`: sign a packed bundle."""

from __future__ import annotations

import asyncio
import json as json_text
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.bundles.signing.sign_archive import sign_archive
from holdfast.bundles.signing.trust_store import utc_now
from holdfast.cli.terminal.bundle_path import find_bundle
from holdfast.cli.terminal.key_files import PasswordFile, default_secret_key, read_secret_key
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines
from holdfast.client.location.find import find_data_folder
from holdfast.errors import HoldfastError

ALGORITHM = "minisign"


class AlgorithmUnknown(HoldfastError):
    """Raised when --algorithm names an algorithm other than minisign."""

    code = "algorithm_unknown"
    status = 400


async def sign(
    bundle: Path,
    *,
    key: Annotated[
        Path | None, Parameter(help="The secret key. Default: the only one in keys/ in the data folder.", show_default=False)
    ] = None,
    password_file: PasswordFile = None,
    algorithm: Annotated[
        str, Parameter(("--algorithm", "--alg"), help="Signature algorithm. Only minisign (Ed25519) is supported.")
    ] = ALGORITHM,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Sign a packed bundle.

    Writes the signature (.minisig) and the signed statement: hash, name, version, capabilities and hosts.

    Args:
        bundle: The bundle (.tar.zst), or the folder of a packed extension.
    """
    if algorithm.lower() != ALGORITHM:
        raise AlgorithmUnknown(
            f"Holdfast does not support {algorithm} signatures.", hint="Omit --algorithm: minisign is the default and the only choice."
        )
    archive = find_bundle(bundle)
    secret = await read_secret_key(key or default_secret_key(find_data_folder(data_dir, report=note)), password_file)
    signed = await asyncio.to_thread(sign_archive, archive, secret, utc_now())
    if json:
        print_json(
            {
                "bundle": str(signed.archive),
                "signature": str(signed.signature),
                "statement_file": str(signed.statement_file),
                "key_id": signed.key_id,
                "statement": json_text.loads(signed.statement.to_bytes()),
            }
        )
        return
    print_lines(f"Signature written → {signed.signature}", f"  key        {signed.key_id}", f"  statement  {signed.statement_file}")
