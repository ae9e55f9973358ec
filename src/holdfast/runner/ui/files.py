"""The bytes of page files: from unpacked bundles on disk, with a memory cache in front of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import structlog
from cachetools import LRUCache, TTLCache

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch, rule_of
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.keys import InvalidBundleKey
from holdfast.errors import HoldfastError
from holdfast.runner.execute.execution import BUNDLE_ERRORS
from holdfast.runner.http.errors import UiNotFound
from holdfast.runner.ui.assets import Asset
from holdfast.runner.ui.encodings import PACKED_SUFFIXES, Encoding, encode, is_encoding_of
from holdfast.runner.ui.memory_cache import MemoryCache
from holdfast.runner.ui.paths import suffix

INDEX = "index.html"
IN_MEMORY_BYTES = 1024 * 1024
"""Larger files are read from the disk each time."""

_OPEN_SECONDS = 5.0
_OPENED, _ASSETS = 1_000, 10_000
_MAX_ENCODINGS = 2
_NOT_SMALLER = b""

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class PageUnavailable(HoldfastError):
    """Raised when the bundle of a page is unavailable for any reason but a wrong hash."""

    code = "extract_failed"
    status = 500


class NotInStore(PageUnavailable):
    """Raised when the store has no such bundle of this tenant."""


class BundleRef(NamedTuple):
    """Identifies a bundle: ids as in `bundle_key`, and its hash in hex."""

    tenant_id: str
    extension_id: str
    sha256_hex: str


class PageSource:
    """Files of pages. A bundle that was just used is not checked on disk again: its hash identifies its bytes."""

    def __init__(
        self, cache: BundleCache, *, policy: str, memory: MemoryCache | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`policy` is the Content-Security-Policy of documents; `now` is in seconds."""
        self._cache = cache
        self._policy = policy
        self._memory = memory or MemoryCache()
        self._opened: TTLCache[BundleRef, UnpackedBundle] = TTLCache(_OPENED, _OPEN_SECONDS, timer=now)
        self._assets: LRUCache[tuple[str, str], Asset] = LRUCache(_ASSETS)
        self._encoding = asyncio.Semaphore(_MAX_ENCODINGS)

    async def asset(self, bundle_ref: BundleRef, path: str) -> Asset:
        """The file at `path` (from `clean_path`); index.html for a client-side route, because the page itself decides what to show there.

        Raises UiNotFound, ArchiveHashMismatch, SignatureRejected, PageUnavailable.
        """
        opened: UnpackedBundle | None = self._opened.get(bundle_ref)
        bundle = await self._open(bundle_ref) if opened is None else opened
        asset: Asset | None = self._assets.get((bundle_ref.sha256_hex, path))
        if asset is not None:
            return asset
        name = path
        if name not in bundle.ui_files:
            if suffix(path):
                raise UiNotFound(f"The extension has no file {path}.")
            name = INDEX
        return self._create_asset(bundle_ref.sha256_hex, bundle, name)

    async def small(self, bundle_ref: BundleRef, asset: Asset) -> bytes | None:
        """The unencoded file; None when it is too large for memory. Raises as `asset` does."""
        if asset.size > IN_MEMORY_BYTES:
            return None
        key = (asset.sha256, None)
        found = self._memory.peek(key)
        return found if found is not None else await self._memory.get(key, lambda: self._read(bundle_ref, asset))

    async def encoded(self, bundle_ref: BundleRef, asset: Asset, accepted: tuple[Encoding, ...]) -> tuple[Encoding, bytes] | None:
        """The file in the best of the encodings; None when no encoding makes it smaller. Raises as `asset` does.

        An encoded file that the author put into the bundle is preferred: it is usually smaller than what we would make.
        """
        best = next((encoding for encoding in accepted if encoding in asset.packed), accepted[0])
        for encoding in dict.fromkeys((best, *accepted)):
            body = await self._encoded(bundle_ref, asset, encoding)
            if body:
                return encoding, body
        return None

    async def descriptor(self, bundle_ref: BundleRef, asset: Asset) -> int:
        """The file, open for reading: it stays readable when the bundle is removed. The caller closes it.

        Raises as `asset` does.
        """
        async with self._use(bundle_ref) as bundle:
            return await _on_disk(os.open, bundle.ui / asset.name, os.O_RDONLY | os.O_CLOEXEC)

    async def _open(self, bundle_ref: BundleRef) -> UnpackedBundle:
        async with self._use(bundle_ref) as bundle:
            self._opened[bundle_ref] = bundle
            return bundle

    def _create_asset(self, digest: str, bundle: UnpackedBundle, name: str) -> Asset:
        entry = bundle.ui_files.get(name)
        if entry is None:
            raise UiNotFound("The extension has no ui/index.html.")
        packed = {
            encoding: (name + ending, bundle.ui_files[name + ending])
            for encoding, ending in PACKED_SUFFIXES.items()
            if name + ending in bundle.ui_files
        }
        asset = Asset(name, entry, packed, policy=self._policy)
        self._assets[digest, name] = asset
        return asset

    async def _read(self, bundle_ref: BundleRef, asset: Asset) -> bytes:
        async with self._use(bundle_ref) as bundle:
            return await _on_disk(_content, bundle.ui, asset)

    async def _encoded(self, bundle_ref: BundleRef, asset: Asset, encoding: Encoding) -> bytes:
        packed = asset.packed.get(encoding)
        key = (asset.sha256, encoding, None if packed is None else packed[1].sha256)
        found = self._memory.peek(key)
        return found if found is not None else await self._memory.get(key, lambda: self._encode(bundle_ref, asset, encoding))

    async def _encode(self, bundle_ref: BundleRef, asset: Asset, encoding: Encoding) -> bytes:
        async with self._encoding, self._use(bundle_ref) as bundle:
            return await _on_disk(_encode_or_read, bundle.ui, asset, encoding)

    @asynccontextmanager
    async def _use(self, bundle_ref: BundleRef) -> AsyncIterator[UnpackedBundle]:
        try:
            async with self._cache.use(*bundle_ref) as bundle:
                yield bundle
        except (ArchiveHashMismatch, SignatureRejected):
            raise
        except InvalidBundleKey:
            raise UiNotFound("No page was found here.") from None
        except BUNDLE_ERRORS as error:
            kind = NotInStore if isinstance(error, BundleNotFound) else PageUnavailable
            raise kind(error.message, hint=error.hint, details={"rule": rule_of(error)}) from error


async def _on_disk(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise PageUnavailable(
            f"A file of the unpacked bundle is unreadable ({error.strerror or type(error).__name__}).", details={"rule": "disk_unreadable"}
        ) from error


def _content(ui: Path, asset: Asset) -> bytes:
    with (ui / asset.name).open("rb") as file:
        data = file.read(asset.size + 1)
    # The memory cache stores the content under this hash and serves it for other bundles with the same file.
    if hashlib.sha256(data).hexdigest() != asset.sha256:
        raise PageUnavailable(
            "A file of the unpacked bundle has changed on disk.",
            hint="Restart the runner: it fetches the bundle again. If this repeats, check the disk of EXT_CACHE_ROOT.",
            details={"rule": "disk_changed"},
        )
    return data


def _encode_or_read(ui: Path, asset: Asset, encoding: Encoding) -> bytes:
    packed = asset.packed.get(encoding)
    if packed is not None and packed[1].size < asset.size:
        name = packed[0]
        body = (ui / name).read_bytes()
        if is_encoding_of(body, encoding, sha256_hex=asset.sha256, size=asset.size):
            return body
        _log.warning("An encoded file of a bundle does not match its original and is ignored", file=name)
    return encode(_content(ui, asset), encoding) or _NOT_SMALLER
