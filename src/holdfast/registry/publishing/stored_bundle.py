"""Writing an archive, its signature and its manifest into the bundle store."""

from __future__ import annotations

import asyncio
import json

from holdfast.bundles.signing.signature_storage import read_stored_signature, store_signature
from holdfast.bundles.store.download import hash_stored_object
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.workspaces import temporary_folder
from holdfast.registry.objects.pending import manifest_key
from holdfast.registry.publishing.inspection import ReadArchive, require_unchanged


async def put_bundle(store: BundleStore, key: str, read: ReadArchive, signature: bytes | None) -> None:
    """Puts the archive, its signature and its manifest into the store under `key`. A damaged archive is replaced.

    Raises RegistryError (`publish_interrupted`) when the file changed since it was read, BundleStoreUnavailable.
    """
    if await hash_stored_object(store, key) != read.sha256:
        await store.put(key, read.path)
        await asyncio.to_thread(require_unchanged, read)
    if signature is not None and signature != await read_stored_signature(store, key):
        await store_signature(store, key, signature)
    if not await store.exists(manifest_key(key)):
        with temporary_folder("manifest") as folder:
            written = folder / "manifest.json"
            written.write_text(json.dumps(read.manifest.raw, ensure_ascii=False, indent=2), encoding="utf-8")
            await store.put(manifest_key(key), written)
