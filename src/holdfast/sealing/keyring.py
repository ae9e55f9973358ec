"""The keys that secrets are sealed with: the first seals, all open. They come from a variable or a file."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from holdfast.sealing.errors import SecretsKeyUnusable
from holdfast.sealing.key_file import create_key_file, prepend_line, read_lines, retain_lines
from holdfast.settings import Settings

KEY_BYTES = 32
VARIABLE = "HOLDFAST_SECRETS_KEY"
FILE_VARIABLE = "HOLDFAST_SECRETS_KEY_FILE"
_LABEL = b"holdfast secrets key id v1\0"
_TEXT = re.compile(r"[A-Za-z0-9_-]{43}=?", re.ASCII)
_FORM = "A key is 32 random bytes in base64url (43 characters): openssl rand 32 | basenc --base64url"


@dataclass(frozen=True)
class Key:
    """One key. `id` is 16 hexadecimal digits that identify the key without disclosing it."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, secret: bytes) -> Self:
        """The key of 32 bytes."""
        return cls(hashlib.sha256(_LABEL + secret).hexdigest()[:16], secret)


class Keyring:
    """At least one key."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._by_id = {key.id: key for key in keys}
        self.newest = keys[0]

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, the newest first."""
        return list(self._by_id)

    def find(self, key_id: str | None) -> Key | None:
        """The key with that id."""
        return None if key_id is None else self._by_id.get(key_id)


class KeySource:
    """Where the keys come from: the variable when it is set, else the file. Several processes may read and change the file."""

    def __init__(self, *, variable: str | None, file: Path) -> None:
        self._variable = variable
        self.file = None if variable is not None else file

    @classmethod
    def from_settings(cls, settings: Settings) -> KeySource:
        """The source that the settings name; nothing is read yet."""
        given = settings.secrets_key.get_secret_value().strip() if settings.secrets_key is not None else ""
        return cls(variable=given or None, file=settings.resolved_secrets_key_file)

    @property
    def name(self) -> str:
        """Its name in messages."""
        return VARIABLE if self.file is None else str(self.file)

    @property
    def exists(self) -> bool:
        """Whether the variable is set or the file exists."""
        return self.file is None or self.file.exists()

    def read(self) -> Keyring:
        """The keys as they are now. Raises SecretsKeyUnusable."""
        lines = read_lines(self.file) if self.file is not None else (self._variable or "").split(",")
        return Keyring([self._parse(text.strip(), index) for index, text in enumerate(lines, 1)])

    def create_if_missing(self) -> None:
        """Creates the file with a first key, mode 0600, unless it exists. Processes that do so at once all get the same key.

        Raises SecretsKeyUnusable.
        """
        if self.file is not None and not self.file.exists():
            create_key_file(self.file, new_key_text())

    def add(self) -> Key:
        """Adds a new key before the others in the file. Raises SecretsKeyUnusable, also when the keys come from the variable."""
        file = self._changeable()
        self.read()
        prepend_line(file, new_key_text())
        return self.read().newest

    def keep_newest(self) -> int:
        """Removes all keys but the first from the file. Returns how many. What they sealed is lost. Raises SecretsKeyUnusable."""
        file, ring = self._changeable(), self.read()
        retain_lines(file, lambda line: self._parse(line, 1).id == ring.newest.id)
        return len(ring.ids) - 1

    def _changeable(self) -> Path:
        if self.file is None:
            raise SecretsKeyUnusable(
                f"The keys come from the variable {VARIABLE}, which a command cannot change.",
                hint="Put a new key before the others, separated by a comma, and start every process with it.",
            )
        return self.file

    def _parse(self, text: str, place: int) -> Key:
        secret = base64.urlsafe_b64decode(text.rstrip("=") + "=") if _TEXT.fullmatch(text) else b""
        if len(secret) != KEY_BYTES:
            raise SecretsKeyUnusable(f"Key {place} of {self.name} is not a key.", hint=_FORM)
        return Key.from_secret(secret)


def new_key_text() -> str:
    """A new key, as variable and file hold it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")
