"""Another process on the same cache folder. `python -m tests.bundles.cache_process hold|crowd|limited CACHE STORE MAX-BYTES ARGUMENT…`

- `hold DIGEST` uses the bundle until its input ends, and prints `held` once it does.
- `crowd DIGEST… SEED` uses the bundles many times in a random order, reads all of each, and fails if anything differs from what was packed.
- `limited DIGEST BYTES` fetches with a limit of the file size; prints the error and the remaining files. Then it fetches without the limit,
  and prints the pages.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
from pathlib import Path

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file

ROUNDS = 60


async def hold(cache: BundleCache, digest: str) -> None:
    async with cache.use("t", "e", digest):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def crowd(cache: BundleCache, digests: list[str], *, seed: str) -> None:
    order = random.Random(seed)
    await asyncio.gather(*(visit(cache, order.choices(digests, k=ROUNDS)) for _ in range(3)))


async def limited(cache: BundleCache, digest: str, size: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        await cache.ensure("t", "e", digest)
    except ExtractFailed as error:
        print(error, [path.name for path in cache.root.iterdir()])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    print(sorted((await cache.ensure("t", "e", digest)).ui_files))


async def visit(cache: BundleCache, digests: list[str]) -> None:
    for digest in digests:
        async with cache.use("t", "e", digest) as bundle:
            for name, entry in bundle.ui_files.items():
                await asyncio.sleep(0)
                assert hash_file(bundle.ui / name) == entry.sha256
            assert bundle.component is not None
            assert hash_file(bundle.component) == bundle.component_sha256


async def main(what: str, root: Path, store: Path, max_bytes: int, arguments: list[str]) -> None:
    cache = BundleCache(root, FolderStore(store), max_bytes=max_bytes)
    if what == "hold":
        await hold(cache, arguments[0])
    elif what == "crowd":
        await crowd(cache, arguments[:-1], seed=arguments[-1])
    else:
        await limited(cache, arguments[0], int(arguments[1]))
    await cache.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
