"""The address of a bundle store: parsed from the setting, without sending a request."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import is_key

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_KINDS = "Set BUNDLE_STORE_BASE to a folder, a file:// URL, an s3://bucket/prefix or an http(s)://host/bucket/prefix."


class FolderAddress(Struct, frozen=True):
    """A folder on this machine."""

    path: Path


class HttpAddress(Struct, frozen=True):
    """A server with public files: `GET {base}/{key}`. `base` has no `/` at its end."""

    base: str

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, key: str) -> str:
        """The URL of the object under a key."""
        return object_url(self.base, key)


class S3Address(Struct, frozen=True):
    """A bucket of an S3-compatible server, addressed by path. `endpoint` is `scheme://host[:port]`, `prefix` has no `/` at its ends."""

    endpoint: str
    bucket: str
    prefix: str = ""

    def object_key(self, key: str) -> str:
        """The key within the bucket for a key of the store."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def url(self, key: str) -> str:
        """The URL of the object under a key, without a signature."""
        return object_url(f"{self.endpoint}/{self.bucket}", self.object_key(key))


def object_url(base: str, key: str) -> str:
    """`{base}/{key}` with exactly one `/` between them. `urljoin` would drop the last segment of the base: its bucket."""
    return f"{base.rstrip('/')}/{key.lstrip('/')}"


def parse_store_address(
    location: str, *, signed: bool, region: str = "us-east-1", endpoint: str | None = None
) -> FolderAddress | HttpAddress | S3Address:
    """Parses BUNDLE_STORE_BASE.

    `signed` says whether there are S3 credentials: with them, the first path segment of an http(s) URL is the bucket and the rest the
    prefix; without them, the URL is a web server with public files. An `s3://bucket/prefix` is at `endpoint`, or at Amazon's server of
    the region.

    Raises BundleStoreUnavailable for anything else. The message does not quote the value, which can contain a password.
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
    raise BundleStoreUnavailable(f"BUNDLE_STORE_BASE has the scheme {parts.scheme}://, which is not supported.", hint=_KINDS)


def _folder_address(location: str) -> FolderAddress:
    host, slash, path = location.removeprefix("file://").partition("/")
    if host not in ("", "localhost") or not slash:
        raise BundleStoreUnavailable("A file:// bundle store must name a folder on this machine, such as file:///srv/bundles.", hint=_KINDS)
    return FolderAddress(Path(unquote(f"/{path}")))


def _split(location: str, variable: str, form: str) -> SplitResult:
    """The parts of a URL that has only scheme, host, port and path. `form` is the hint: what to set the variable to."""
    try:
        parts = urlsplit(location)
        usable = not _UNPRINTABLE.search(location) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or (parts.scheme in ("http", "https") and not parts.hostname):
        raise BundleStoreUnavailable(f"{variable} is not a valid address.", hint=form)
    # Credentials in an address would appear in logs and in error messages.
    if "@" in parts.netloc:
        raise BundleStoreUnavailable(
            f"{variable} contains a user name or a password.", hint="Remove it, and set S3_ACCESS_KEY and S3_SECRET_KEY instead."
        )
    if "?" in location or "#" in location:
        raise BundleStoreUnavailable(f"{variable} contains a query or a fragment.", hint="Remove the part that begins with ? or #.")
    return parts


def _segments(path: str) -> list[str]:
    """The segments of a path. Rejects paths that servers interpret differently."""
    segments = path.strip("/").split("/") if path.strip("/") else []
    if any(unquote(segment) in ("", ".", "..") for segment in segments):
        raise BundleStoreUnavailable("The path of BUNDLE_STORE_BASE has an empty segment, or one that is '.' or '..'.", hint=_KINDS)
    return segments


def _server(endpoint: str | None, region: str) -> str:
    """The origin of an s3:// store."""
    if endpoint is None:
        if not _REGION.fullmatch(region):
            raise BundleStoreUnavailable("S3_REGION is not a valid region name.", hint="Set it to a region such as us-east-1.")
        return f"https://s3.{region}.amazonaws.com"
    form = "Set it to scheme, host and port only; bucket and prefix belong in BUNDLE_STORE_BASE."
    parts = _split(endpoint, "S3_ENDPOINT", form)
    if parts.path.strip("/"):
        raise BundleStoreUnavailable("S3_ENDPOINT has a path.", hint=form)
    return f"{parts.scheme}://{parts.netloc}"


def _s3_address(endpoint: str, segments: list[str]) -> S3Address:
    if not segments or not segments[0]:
        raise BundleStoreUnavailable(
            "BUNDLE_STORE_BASE names an S3-compatible server but no bucket.",
            hint="Add the bucket, such as http://localhost:4569/extensions.",
        )
    bucket, prefix = segments[0], "/".join(segments[1:])
    if not _BUCKET.fullmatch(bucket) or (prefix and not is_key(prefix)):
        raise BundleStoreUnavailable(
            "The bucket or the prefix in BUNDLE_STORE_BASE has characters other than letters, digits, '.', '_' and '-'.", hint=_KINDS
        )
    return S3Address(endpoint, bucket, prefix)
