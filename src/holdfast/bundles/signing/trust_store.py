"""The keys whose signatures count, as a file: read strictly, written whole, and read again as soon as it changes."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from holdfast.bundles.signing.minisign import MalformedMinisign, PublicKey
from holdfast.errors import HoldfastError

TRUST_STORE_MAX_BYTES = 1024 * 1024
TRUST_STORE_MAX_KEYS = 1_000
_VERSION = 1
_KEY_ID = re.compile(r"[0-9A-F]{16}", re.ASCII)

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Moment = Annotated[datetime, Meta(tz=True)]


class TrustStoreUnusable(HoldfastError):
    """Raised when the trust store is not what it should be, or cannot be read or written. The message names the file and the field."""

    code = "trust_store_unusable"
    status = 500


class KeyNotTrusted(HoldfastError):
    """Raised when the trust store has no key with an id."""

    code = "key_not_trusted"
    status = 404


class KeyRevoked(HoldfastError):
    """Raised when a key that was revoked is to be trusted again."""

    code = "key_revoked"
    status = 409


class TrustedKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key. `publishers` are those it may sign for, None is all; from `expires_at`, and once revoked, its signatures do not count."""

    id: str
    public_key: str
    name: Text
    added_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    reason: Text | None = None
    publishers: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=100)] | None = None

    def counts_at(self, now: datetime) -> bool:
        """Whether its signatures count at that time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    keys: Annotated[tuple[TrustedKey, ...], Meta(max_length=TRUST_STORE_MAX_KEYS)]


class TrustedKeys:
    """The keys as they were read once. Not changed afterwards: other keys are another object."""

    def __init__(self, keys: tuple[TrustedKey, ...], public: tuple[PublicKey, ...]) -> None:
        self.all = keys
        self._by_id = {key.id: (key, one) for key, one in zip(keys, public, strict=True)}

    def find(self, key_id: str) -> tuple[TrustedKey, PublicKey] | None:
        """The key with that id (upper-case hexadecimal digits), whether or not it still counts."""
        return self._by_id.get(key_id)


NO_KEYS = TrustedKeys((), ())


class TrustStore:
    """One file of trusted keys; none is a file without keys. Several processes may read and write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._read: tuple[tuple[int, ...], TrustedKeys] | None = None

    def read(self) -> TrustedKeys:
        """The keys as they are now; the same object for as long as the file is the same. Raises TrustStoreUnusable."""
        try:
            # On the way of every call, so one system call and no more while nothing changes.
            mark = _mark(os.stat(self._name))  # noqa: PTH116 - a path object would cost as much again
            if self._read is not None and self._read[0] == mark:
                return self._read[1]
            with self.path.open("rb") as file:
                mark = _mark(os.fstat(file.fileno()))
                data = file.read(TRUST_STORE_MAX_BYTES + 1)
        except FileNotFoundError:
            return NO_KEYS
        except OSError as error:
            raise self._unusable(f"cannot be read ({error.strerror or type(error).__name__})") from error
        keys = self._parse(data)
        self._read = (mark, keys)
        return keys

    def trust(
        self, key: PublicKey, *, name: str, now: datetime, expires_at: datetime | None = None, publishers: tuple[str, ...] | None = None
    ) -> TrustedKey:
        """Adds a key, or gives one that is there another name, expiry and publishers. Times are aware; no publishers means all.

        Raises KeyRevoked, TrustStoreUnusable.
        """

        def change(keys: dict[str, TrustedKey]) -> TrustedKey:
            known = keys.get(key.key_id)
            if known is not None and known.revoked_at is not None:
                raise KeyRevoked(f"The key {key.key_id} was revoked.", hint="Make a new key with `holdfast keys new` and trust that one.")
            if known is not None and known.public_key != key.to_line():
                raise self._unusable(f"has another key with the id {key.key_id}", hint="Make a new key with `holdfast keys new`.")
            added_at = now if known is None else known.added_at
            return TrustedKey(
                id=key.key_id, public_key=key.to_line(), name=name, added_at=added_at, expires_at=expires_at, publishers=publishers
            )

        return self._change(change)

    def revoke(self, key_id: str, *, now: datetime, reason: str | None = None) -> TrustedKey:
        """Says that a key's signatures no longer count, whenever they were made. A key stays as it was first revoked.

        The id in hexadecimal digits of any case. Raises KeyNotTrusted, TrustStoreUnusable.
        """

        def change(keys: dict[str, TrustedKey]) -> TrustedKey:
            known = keys.get(key_id.strip().upper())
            if known is None:
                raise KeyNotTrusted(f"{self.path} has no key {key_id}.", hint="`holdfast keys list` shows the keys.")
            if known.revoked_at is not None:
                return known
            return msgspec.structs.replace(known, revoked_at=now, reason=reason)

        return self._change(change)

    def _change(self, change: Callable[[dict[str, TrustedKey]], TrustedKey]) -> TrustedKey:
        path = self.path.resolve()
        try:
            with _locked(path.with_name(f"{path.name}.lock")):
                keys = {key.id: key for key in self.read().all}
                changed = change(keys)
                data = _written(_File(version=_VERSION, keys=tuple((keys | {changed.id: changed}).values())))
                self._parse(data)
                _replace(path, data)
        except OSError as error:
            raise self._unusable(f"cannot be written ({error.strerror or type(error).__name__})") from error
        return changed

    def _parse(self, data: bytes) -> TrustedKeys:
        if len(data) > TRUST_STORE_MAX_BYTES:
            raise self._unusable(f"has more than {TRUST_STORE_MAX_BYTES} bytes")
        try:
            file = msgspec.convert(json.loads(data, object_pairs_hook=_without_repeats), type=_File)
        except msgspec.ValidationError as error:
            said, _, where = str(error).partition(" - at `")
            raise self._unusable(
                f"is not valid: {said[:1].lower()}{said[1:]}", where=where.removesuffix("`").removeprefix("$").removeprefix(".")
            ) from None
        except (ValueError, RecursionError) as error:
            said = str(error) if isinstance(error, _Repeated) else "expected a JSON object"
            raise self._unusable(f"is not valid: {said}") from None
        if file.version != _VERSION:
            raise self._unusable(f"is not valid: expected {_VERSION}", where="version")
        public = tuple(self._public(key, f"keys[{index}]") for index, key in enumerate(file.keys))
        if len({key.id for key in file.keys}) != len(file.keys):
            raise self._unusable("is not valid: expected each id once", where="keys")
        return TrustedKeys(file.keys, public)

    def _public(self, key: TrustedKey, where: str) -> PublicKey:
        try:
            public = PublicKey.parse(key.public_key.encode())
        except (MalformedMinisign, UnicodeEncodeError):
            raise self._unusable("is not valid: expected the second line of a .pub file", where=f"{where}.public_key") from None
        if not _KEY_ID.fullmatch(key.id) or key.id != public.key_id:
            raise self._unusable(f"is not valid: expected the id of its public key, {public.key_id}", where=f"{where}.id")
        return public

    def _unusable(self, what: str, *, where: str = "", hint: str = "") -> TrustStoreUnusable:
        return TrustStoreUnusable(
            f"The file of trusted keys {self.path}{f', {where},' if where else ''} {what}.",
            hint=hint or "SIGNING_TRUST_BUNDLE names the file; `holdfast keys trust` writes it.",
        )


class _Repeated(ValueError):
    pass


def _mark(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from every other, and from itself after a change."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A repeated field is refused: of two values of `revoked_at`, a person and a program could each believe another one."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Repeated("a field is there twice in one object")
    return value


def _written(file: _File) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Writers come one after another. The lock is a file of its own, because the store is replaced by every write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    descriptor, partial_name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(partial_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def utc_now() -> datetime:
    """The time now, in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
