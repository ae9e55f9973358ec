"""Where a bundle store is: the parts of its address, computed from the setting without talking to anybody."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import is_key

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}", re.ASCII)
_UNPRINTED = re.compile(r"[\x00-\x20\x7f\\]")
_KINDS = "Set BUNDLE_STORE_BASE to a folder, a file:// URL, an s3://bucket/prefix or an http(s)://host/bucket/prefix."


class FolderAddress(Struct, frozen=True):
    """A folder on this machine."""

    path: Path


class HttpAddress(Struct, frozen=True):
    """A server that answers `GET {base}/{key}` to everybody. `base` has no `/` at its end."""

    base: str

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, key: str) -> str:
        """The address of what is under a key."""
        return object_url(self.base, key)


class S3Address(Struct, frozen=True):
    """A bucket of an S3-compatible server, addressed by path. `endpoint` is `scheme://host[:port]`, `prefix` has no `/` at its ends."""

    endpoint: str
    bucket: str
    prefix: str = ""

    def object_key(self, key: str) -> str:
        """The key within the bucket of what is under a key of the store."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def url(self, key: str) -> str:
        """The address of what is under a key, without signature."""
        return object_url(f"{self.endpoint}/{self.bucket}", self.object_key(key))


def object_url(base: str, key: str) -> str:
    """`{base}/{key}` with exactly one `/` between them; the base keeps its whole path, thus also its bucket."""
    return f"{base.rstrip('/')}/{key.lstrip('/')}"


def parse_store_address(
    location: str, *, signed: bool, region: str = "us-east-1", endpoint: str | None = None
) -> FolderAddress | HttpAddress | S3Address:
    """The address that BUNDLE_STORE_BASE means.

    `signed` says whether there are S3 credentials: with them, the first path segment of an http(s) URL is the bucket and the rest the
    prefix; without, its paths are served openly. An `s3://bucket/prefix` is at `endpoint`, or at Amazon's server of the region.

    Raises BundleStoreUnavailable for everything that is none of these. What was given is not quoted: it can hold a password.
    """
    location = location.strip()
    if "://" not in location:
        return FolderAddress(Path(location))
    if location.startswith("file://"):
        return _folder_address(location)
    parts = _split(location, "BUNDLE_STORE_BASE", _KINDS)
    if parts.scheme == "s3":
        return _s3_address(_server(endpoint, region), [parts.netloc, *_segments(parts.path)])
    if parts.scheme in ("http", "https"):
        segments = _segments(parts.path)
        origin = f"{parts.scheme}://{parts.netloc}"
        return _s3_address(origin, segments) if signed else HttpAddress("/".join([origin, *segments]))
    raise BundleStoreUnavailable(f"A bundle store of the kind {parts.scheme}:// cannot be used.", hint=_KINDS)


def _folder_address(location: str) -> FolderAddress:
    host, slash, path = location.removeprefix("file://").partition("/")
    if host not in ("", "localhost") or not slash:
        raise BundleStoreUnavailable("A file:// bundle store names a folder on this machine, as in file:///srv/bundles.", hint=_KINDS)
    return FolderAddress(Path(unquote(f"/{path}")))


def _split(location: str, variable: str, form: str) -> SplitResult:
    """The parts of a URL that is nothing but scheme, host, port and path. `form` says what the variable should hold."""
    try:
        parts = urlsplit(location)
        usable = not _UNPRINTED.search(location) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or (parts.scheme in ("http", "https") and not parts.hostname):
        raise BundleStoreUnavailable(f"{variable} is not an address that can be used.", hint=form)
    if "@" in parts.netloc:
        raise BundleStoreUnavailable(
            f"{variable} holds a user name or a password.", hint="Take it out, and set S3_ACCESS_KEY and S3_SECRET_KEY instead."
        )
    if "?" in location or "#" in location:
        raise BundleStoreUnavailable(f"{variable} holds a query or a fragment.", hint="Take off what begins with ? or #.")
    return parts


def _segments(path: str) -> list[str]:
    """The segments of a path that can only be read in one way."""
    segments = path.strip("/").split("/") if path.strip("/") else []
    if any(unquote(segment) in ("", ".", "..") for segment in segments):
        raise BundleStoreUnavailable("The path of BUNDLE_STORE_BASE has an empty segment, or one that is '.' or '..'.", hint=_KINDS)
    return segments


def _server(endpoint: str | None, region: str) -> str:
    """The origin of an s3:// store."""
    if endpoint is None:
        if not _REGION.fullmatch(region):
            raise BundleStoreUnavailable("S3_REGION is not the name of a region.", hint="Set it to one such as us-east-1.")
        return f"https://s3.{region}.amazonaws.com"
    form = "Set it to scheme, host and port only; bucket and prefix stand in BUNDLE_STORE_BASE."
    parts = _split(endpoint, "S3_ENDPOINT", form)
    if parts.path.strip("/"):
        raise BundleStoreUnavailable("S3_ENDPOINT has a path.", hint=form)
    return f"{parts.scheme}://{parts.netloc}"


def _s3_address(endpoint: str, segments: list[str]) -> S3Address:
    if not segments or not segments[0]:
        raise BundleStoreUnavailable(
            "BUNDLE_STORE_BASE names an S3-compatible server but no bucket.", hint="Add the bucket, as in http://localhost:4569/extensions."
        )
    bucket, prefix = segments[0], "/".join(segments[1:])
    if not _BUCKET.fullmatch(bucket) or (prefix and not is_key(prefix)):
        raise BundleStoreUnavailable(
            "The bucket or the prefix in BUNDLE_STORE_BASE has other characters than letters, digits, '.', '_' and '-'.", hint=_KINDS
        )
    return S3Address(endpoint, bucket, prefix)
