"""The trusted keys, as a file: read strictly, replaced in one step, and read again as soon as it changes.

readers:  stat ──unchanged──▶ the keys in memory      (every call: one system call)
            └──changed──▶ read and validate
writers:  flock <file>.lock ──▶ read ──▶ change ──▶ validate ──▶ write <file>.partial, fsync ──▶ rename ──▶ unlock
          (killed at any point: the file has the old keys or the new ones)
"""

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
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from holdfast.bundles.signing.minisign import MalformedMinisign, PublicKey
from holdfast.errors import CodedError, HoldfastError

TRUST_STORE_MAX_BYTES = 1024 * 1024
TRUST_STORE_MAX_KEYS = 1_000
_VERSION = 1
_KEY_ID = re.compile(r"[0-9A-F]{16}", re.ASCII)

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Moment = Annotated[datetime, Meta(tz=True)]


class TrustStoreUnusable(HoldfastError):
    """Raised when the trust store is invalid, or cannot be read or written. The message names the file and the field."""

    code = "trust_store_unusable"
    status = 500


class TrustChangeRejected(CodedError):
    """Raised when a change of the trust store is not possible.

    - `key_not_trusted`: the trust store has no key with that id
    - `key_revoked`: the key was revoked, so it cannot become trusted again
    """

    STATUSES: ClassVar = {"key_not_trusted": 404, "key_revoked": 409}


class TrustedKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key. It may sign for `publishers`; None means all. Its signatures are invalid from `expires_at` on, and once it is revoked."""

    id: str
    public_key: str
    name: Text
    added_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    reason: Text | None = None
    publishers: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=100)] | None = None

    def is_valid_at(self, now: datetime) -> bool:
        """Whether signatures of this key are valid at that time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    keys: Annotated[tuple[TrustedKey, ...], Meta(max_length=TRUST_STORE_MAX_KEYS)]


class TrustedKeys:
    """The keys as read at one time. Never modified: when the file changes, `TrustStore.read` returns another object."""

    def __init__(self, keys: tuple[TrustedKey, ...], public: tuple[PublicKey, ...]) -> None:
        self.all = keys
        self._by_id = {key.id: (key, one) for key, one in zip(keys, public, strict=True)}

    def find(self, key_id: str) -> tuple[TrustedKey, PublicKey] | None:
        """The key with that id (upper-case hexadecimal digits), also when it is expired or revoked."""
        return self._by_id.get(key_id)


NO_KEYS = TrustedKeys((), ())


class TrustStore:
    """One file of trusted keys; a missing file has no keys. Several processes may read and write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._read: tuple[tuple[int, ...], TrustedKeys] | None = None

    def read(self) -> TrustedKeys:
        """The current keys; the same object while the file is unchanged. Raises TrustStoreUnusable."""
        try:
            # Every call runs this, so an unchanged file costs one system call.
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
        """Adds a key, or changes name, expiry and publishers of an existing one. Times are aware; None as publishers means all.

        Raises TrustChangeRejected (`key_revoked`), TrustStoreUnusable.
        """

        def change(keys: dict[str, TrustedKey]) -> TrustedKey:
            known = keys.get(key.key_id)
            if known is not None and known.revoked_at is not None:
                raise TrustChangeRejected(
                    "key_revoked",
                    f"The key {key.key_id} was revoked.",
                    hint="Create a new key with `holdfast keys new` and trust that one.",
                )
            if known is not None and known.public_key != key.to_line():
                raise self._unusable(f"has another key with the id {key.key_id}", hint="Create a new key with `holdfast keys new`.")
            added_at = now if known is None else known.added_at
            return TrustedKey(
                id=key.key_id, public_key=key.to_line(), name=name, added_at=added_at, expires_at=expires_at, publishers=publishers
            )

        return self._change(change)

    def revoke(self, key_id: str, *, now: datetime, reason: str | None = None) -> TrustedKey:
        """Revokes a key: all its signatures become invalid, whenever they were made. Revoking it again changes nothing.

        The id in hexadecimal digits of any case. Raises TrustChangeRejected (`key_not_trusted`), TrustStoreUnusable.
        """

        def change(keys: dict[str, TrustedKey]) -> TrustedKey:
            known = keys.get(key_id.strip().upper())
            if known is None:
                raise TrustChangeRejected(
                    "key_not_trusted", f"{self.path} has no key {key_id}.", hint="List the keys with `holdfast keys list`."
                )
            if known.revoked_at is not None:
                return known
            return msgspec.structs.replace(known, revoked_at=now, reason=reason)

        return self._change(change)

    def _change(self, change: Callable[[dict[str, TrustedKey]], TrustedKey]) -> TrustedKey:
        path = self.path.resolve()
        try:
            with _lock(path.with_name(f"{path.name}.lock")):
                keys = {key.id: key for key in self.read().all}
                changed = change(keys)
                data = _encode(_File(version=_VERSION, keys=tuple((keys | {changed.id: changed}).values())))
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
            problem, _, where = str(error).partition(" - at `")
            raise self._unusable(
                f"is not valid: {problem[:1].lower()}{problem[1:]}", where=where.removesuffix("`").removeprefix("$").removeprefix(".")
            ) from None
        except (ValueError, RecursionError) as error:
            problem = str(error) if isinstance(error, _Repeated) else "expected a JSON object"
            raise self._unusable(f"is not valid: {problem}") from None
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
            hint=hint or "Check SIGNING_TRUST_BUNDLE, which names the file; `holdfast keys trust` writes it.",
        )


class _Repeated(ValueError):
    pass


def _mark(status: os.stat_result) -> tuple[int, ...]:
    """Identifies a file and its version."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Rejects a repeated field: with two values of `revoked_at`, a person and a program could each rely on a different one."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Repeated("a field appears twice in one object")
    return value


def _encode(file: _File) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One writer at a time. The lock is a separate file, because every write replaces the store."""
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
