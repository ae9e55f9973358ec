"""Another process on the same cache folder. `python -m tests.bundles.cache_process hold|crowd CACHE STORE MAX-BYTES DIGEST…`

`hold` uses the one bundle until its input ends, and says `held` once it does. `crowd` uses the bundles in an order of its own, many
times over, reads all of each, and fails when anything in it is not what was packed: each page says which bundle it is from.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from holdfast.bundles.cache import BundleCache
from holdfast.bundles.hashing import hash_file
from holdfast.bundles.store import FolderStore

ROUNDS = 60


async def hold(cache: BundleCache, digest: str) -> None:
    async with cache.use("t", "e", digest):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def crowd(cache: BundleCache, digests: list[str]) -> None:
    order = random.Random(sys.argv[-1])
    await asyncio.gather(*(visit(cache, order.choices(digests, k=ROUNDS)) for _ in range(3)))


async def visit(cache: BundleCache, digests: list[str]) -> None:
    for digest in digests:
        async with cache.use("t", "e", digest) as bundle:
            for name, entry in bundle.ui_files.items():
                await asyncio.sleep(0)
                assert hash_file(bundle.ui / name) == entry.sha256
            assert bundle.component is not None
            assert hash_file(bundle.component) == bundle.component_sha256


async def main(what: str, root: Path, store: Path, max_bytes: int, digests: list[str]) -> None:
    cache = BundleCache(root, FolderStore(store), max_bytes=max_bytes)
    if what == "hold":
        await hold(cache, digests[0])
    else:
        await crowd(cache, digests[:-1])
    await cache.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
