"""The TypeScript SDK as an npm package with JavaScript and types, for the editors and unit tests of projects; see decision 0053.

SDK sources ──tsc──▶ .js and .d.ts ──▶ one tarball, the same bytes each time ──renamed into place──▶ kept by the hash of the sources
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

import holdfast
from holdfast.author import resources
from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Toolchain
from holdfast.concurrency.workspaces import staging_folder

NAME = "@holdfast/sdk"
ENTRIES = {".": "index", "./iframe": "iframe/index", "./testing": "testing"}
"""The modules that projects import, by their path below the package's name, and the source of each without its ending."""

TIMEOUT = 120.0
_RELATIVE_IMPORT = re.compile(r"""(from |import\()(['"])(\.{1,2}/[^'"]+)\.ts\2""")


class SdkPackage(Struct, frozen=True):
    """The package's tarball. `integrity` is its hash as package-lock.json has it (`sha512-…`)."""

    version: str
    path: Path
    integrity: str


async def build_sdk_package(toolchain: Toolchain) -> SdkPackage:
    """The package of this Holdfast, built once per toolchain and kept next to it. `toolchain` is installed. Raises BuildToolError."""
    version = holdfast.__version__
    source = resources.sdk_folder("typescript")
    key = await asyncio.to_thread(_hash_sources, source, toolchain.key)
    target = toolchain.root / f"sdk-{key}" / f"holdfast-sdk-{version}.tgz"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(toolchain.root) as scratch:
            await _compile(source / "src", scratch, toolchain)
            content = await asyncio.to_thread(_pack, scratch, source, version)
        # Two processes may build it at once: both write the same bytes, and each replaces the file in one step.
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(target)
    digest = hashlib.sha512(target.read_bytes()).digest()
    return SdkPackage(version, target, f"sha512-{base64.b64encode(digest).decode()}")


def _hash_sources(source: Path, toolchain: str) -> str:
    digest = hashlib.sha256(f"{holdfast.__version__}\0{toolchain}\0".encode())
    for path in sorted([*(source / "src").rglob("*.ts"), source / "package.json"]):
        digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.stat().st_size.to_bytes(8, "big"))
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


async def _compile(source: Path, into: Path, toolchain: Toolchain) -> None:
    options = {
        "target": "ES2022",
        "module": "ESNext",
        "moduleResolution": "bundler",
        "lib": "ES2022,DOM,DOM.Iterable",
        "types": "",
        "strict": "true",
        "declaration": "true",
        "rewriteRelativeImportExtensions": "true",
        "rootDir": str(source),
        "outDir": str(into),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    entries = [source / f"{name}.ts" for name in ENTRIES.values()]
    done = await run([toolchain.node, toolchain.tsc, *flags, *entries], cwd=into, timeout=TIMEOUT)
    if done.status != 0:
        raise BuildToolError(
            "toolchain_unavailable",
            f"The package of the SDK cannot be built:\n{done.last_lines()}",
            hint="Install Holdfast again: its files are damaged.",
        )


def _pack(compiled: Path, source: Path, version: str) -> bytes:
    """The tarball as `npm pack` makes it. Neither time nor machine changes its bytes, so that lock files keep matching."""
    described = json.loads((source / "package.json").read_bytes())
    kept = {name: described[name] for name in ("description", "license", "type", "engines") if name in described}
    exports = {path: {"types": f"./{name}.d.ts", "default": f"./{name}.js"} for path, name in ENTRIES.items()}
    package = {"name": NAME, "version": version, **kept, "sideEffects": False, "exports": exports}
    files = {"package.json": f"{json.dumps(package, indent=2)}\n".encode(), **dict(_compiled_files(compiled))}
    out = io.BytesIO()
    # The name in a gzip header and the operating system are not part of the content.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"package/{name}")
            member.size, member.mode, member.mtime = len(content), 0o644, 0
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _compiled_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_text()
            # tsc rewrites the imports of JavaScript only.
            yield path.relative_to(folder).as_posix(), _RELATIVE_IMPORT.sub(r"\1\2\3.js\2", text).encode()
