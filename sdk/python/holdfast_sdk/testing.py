"""For unit tests of handlers in any Python: a host that remembers what a handler stores and logs. Builds do not contain this module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from holdfast_sdk.errors import HostError
from holdfast_sdk.host import Host
from holdfast_sdk.messages import Context
from holdfast_sdk.records import Entry, User


class LogLine(NamedTuple):
    """A line that the handler logged."""

    level: str
    message: str
    fields: Mapping[str, Any]


class MemoryStorage:
    """Storage in memory, with revisions: a `put` with an outdated one raises HostError `conflict`, as on the platform."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def get(self, namespace: str, key: str) -> Entry | None:
        return self._entries.get((namespace, key))

    def put(self, namespace: str, key: str, value: bytes | str, *, revision: int | None = None) -> Entry:
        stored = self._entries.get((namespace, key))
        current = 0 if stored is None else stored.revision or 0
        if revision is not None and revision != current:
            raise HostError("storage.put", "conflict")
        entry = Entry(namespace, key, value.encode() if isinstance(value, str) else bytes(value), current + 1)
        self._entries[namespace, key] = entry
        return entry

    def delete(self, namespace: str, key: str) -> None:
        self._entries.pop((namespace, key), None)

    def list(self, namespace: str) -> list[Entry]:
        return [entry for (_, _), entry in sorted(self._entries.items()) if entry.namespace == namespace]

    def get_json(self, namespace: str, key: str) -> Any:
        entry = self.get(namespace, key)
        return None if entry is None else entry.json()

    def put_json(self, namespace: str, key: str, value: Any, *, revision: int | None = None) -> Entry:
        return self.put(namespace, key, json.dumps(value), revision=revision)


class MemoryLog:
    """Records the lines that a handler logs."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def emit(self, level: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        self.lines.append(LogLine(level, message, dict(fields or {})))

    def debug(self, message: str, **fields: Any) -> None:
        self.emit("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self.emit("info", message, fields)

    def warn(self, message: str, **fields: Any) -> None:
        self.emit("warn", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self.emit("error", message, fields)


class FixedContext:
    """The context that a test gives; without one, that of a call by a user."""

    def __init__(self, context: Context | None = None) -> None:
        self._context = context or Context("tenant-test", "extension-test", "request-test")

    def get(self) -> Context:
        return self._context


USER = User("tenant-test", "Test Client", "user-test", "user@example.com", "Test User", "internal")


class MemoryHost(Host):
    """A host for one test: storage and log in memory, a context and a user. `parts` add or replace: `MemoryHost(secrets=FakeSecrets())`.

    `logs` has the lines that the handler logged, in order.
    """

    def __init__(self, **parts: Any) -> None:
        log = MemoryLog()
        self.logs = log.lines
        super().__init__(**{"context": FixedContext(), "logging": log, "storage": MemoryStorage(), "user": lambda: USER} | parts)
