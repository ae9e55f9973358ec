"""Where the bytes of page files come from: unpacked bundles on disk, and memory in front of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import structlog

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.keys import InvalidBundleKey
from holdfast.errors import HoldfastError
from holdfast.runner.errors import UiNotFound
from holdfast.runner.execute.execution import BUNDLE_FAULTS
from holdfast.runner.ui.assets import Asset
from holdfast.runner.ui.encodings import PACKED_SUFFIXES, Encoding, encode, holds
from holdfast.runner.ui.memory_cache import KeptBytes
from holdfast.runner.ui.paths import suffix

INDEX = "index.html"
IN_MEMORY_BYTES = 1024 * 1024
"""Larger files are read from the disk each time."""

_OPEN_SECONDS = 5.0
_OPENED, _ASSETS = 1_000, 10_000
_ENCODING_AT_ONCE = 2
_DOES_NOT_PAY = b""

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class ExtractFailedHere(HoldfastError):
    """Raised when the bundle of a page cannot be had, for whatever reason but a wrong hash."""

    code = "extract_failed"
    status = 500


class NotInStore(ExtractFailedHere):
    """Raised when the store has no such bundle of this tenant."""


class Place(NamedTuple):
    """Which bundle: ids as in `bundle_key`, and its hash in hex."""

    tenant_id: str
    extension_id: str
    sha256_hex: str


class PageSource:
    """Files of pages. A bundle that was just used is not looked for on the disk again: its bytes are what its hash says."""

    def __init__(
        self, cache: BundleCache, *, policy: str, kept: KeptBytes | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`policy` is the Content-Security-Policy of documents; `now` is in seconds."""
        self._cache = cache
        self._policy = policy
        self._kept = kept or KeptBytes()
        self._now = now
        self._opened: OrderedDict[Place, tuple[float, UnpackedBundle]] = OrderedDict()
        self._assets: OrderedDict[tuple[str, str], Asset] = OrderedDict()
        self._encoding = asyncio.Semaphore(_ENCODING_AT_ONCE)

    async def asset(self, place: Place, path: str) -> Asset:
        """The file at `path`, cleaned; the index for a route of the page itself, which decides what it shows there.

        Raises UiNotFound, ArchiveHashMismatch, SignatureRejected, ExtractFailedHere.
        """
        opened = self._opened.get(place)
        bundle = opened[1] if opened is not None and opened[0] > self._now() else await self._open(place)
        asset = self._assets.get((place.sha256_hex, path))
        if asset is not None:
            self._assets.move_to_end((place.sha256_hex, path))
            return asset
        name = path
        if name not in bundle.ui_files:
            if suffix(path):
                raise UiNotFound(f"The extension has no file {path}.")
            name = INDEX
        return self._made(place.sha256_hex, bundle, name)

    async def small(self, place: Place, asset: Asset) -> bytes | None:
        """The file as it is; None when it is too large for memory. Raises as `asset` does."""
        if asset.size > IN_MEMORY_BYTES:
            return None
        key = (asset.sha256, None)
        found = self._kept.known(key)
        return found if found is not None else await self._kept.get(key, lambda: self._read(place, asset))

    async def encoded(self, place: Place, asset: Asset, accepted: tuple[Encoding, ...]) -> tuple[Encoding, bytes] | None:
        """The file in the best of the encodings; None when it would not be smaller. Raises as `asset` does.

        What the author packed beside the file comes first: somebody took the time to make it small.
        """
        best = next((encoding for encoding in accepted if encoding in asset.packed), accepted[0])
        for encoding in dict.fromkeys((best, *accepted)):
            body = await self._in(place, asset, encoding)
            if body:
                return encoding, body
        return None

    async def descriptor(self, place: Place, asset: Asset) -> int:
        """The file, open for reading: it can be read to its end whatever becomes of the bundle. The caller closes it.

        Raises as `asset` does.
        """
        async with self._use(place) as bundle:
            return await _on_disk(os.open, bundle.ui / asset.name, os.O_RDONLY | os.O_CLOEXEC)

    async def _open(self, place: Place) -> UnpackedBundle:
        async with self._use(place) as bundle:
            self._opened[place] = (self._now() + _OPEN_SECONDS, bundle)
            self._opened.move_to_end(place)
            if len(self._opened) > _OPENED:
                self._opened.popitem(last=False)
            return bundle

    def _made(self, digest: str, bundle: UnpackedBundle, name: str) -> Asset:
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
        if len(self._assets) > _ASSETS:
            self._assets.popitem(last=False)
        return asset

    async def _read(self, place: Place, asset: Asset) -> bytes:
        async with self._use(place) as bundle:
            return await _on_disk(_content, bundle.ui, asset)

    async def _in(self, place: Place, asset: Asset, encoding: Encoding) -> bytes:
        beside = asset.packed.get(encoding)
        key = (asset.sha256, encoding, None if beside is None else beside[1].sha256)
        found = self._kept.known(key)
        return found if found is not None else await self._kept.get(key, lambda: self._encode(place, asset, encoding))

    async def _encode(self, place: Place, asset: Asset, encoding: Encoding) -> bytes:
        async with self._encoding, self._use(place) as bundle:
            return await _on_disk(_encoded, bundle.ui, asset, encoding)

    @asynccontextmanager
    async def _use(self, place: Place) -> AsyncIterator[UnpackedBundle]:
        try:
            async with self._cache.use(*place) as bundle:
                yield bundle
        except (ArchiveHashMismatch, SignatureRejected):
            raise
        except InvalidBundleKey:
            raise UiNotFound("There is no such page.") from None
        except BUNDLE_FAULTS as error:
            kind = NotInStore if isinstance(error, BundleNotFound) else ExtractFailedHere
            raise kind(error.message, hint=error.hint) from error


async def _on_disk(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise ExtractFailedHere(f"A file of the unpacked bundle cannot be read ({error.strerror or type(error).__name__}).") from error


def _content(ui: Path, asset: Asset) -> bytes:
    with (ui / asset.name).open("rb") as file:
        data = file.read(asset.size + 1)
    # It is kept under this hash, and served for it in other bundles too.
    if hashlib.sha256(data).hexdigest() != asset.sha256:
        raise ExtractFailedHere("A file of the unpacked bundle is not what was unpacked; the disk may be failing.")
    return data


def _encoded(ui: Path, asset: Asset, encoding: Encoding) -> bytes:
    beside = asset.packed.get(encoding)
    if beside is not None and beside[1].size < asset.size:
        packed = (ui / beside[0]).read_bytes()
        if holds(packed, encoding, sha256_hex=asset.sha256, size=asset.size):
            return packed
        _log.warning("A file that was packed encoded is not the one beside it; it is not used", file=beside[0])
    return encode(_content(ui, asset), encoding) or _DOES_NOT_PAY
