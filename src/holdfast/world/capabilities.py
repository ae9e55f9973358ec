"""The eleven capabilities that an extension can be granted, and the parser of their names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum


class Capability(StrEnum):
    CONTEXT_READ = "cap:context.read"
    SECRETS_GET = "cap:secrets.get"
    HTTP_FETCH = "cap:http.fetch"
    STORAGE_KV = "cap:storage.kv"
    LOG_EMIT = "cap:log.emit"
    UI_PROXY = "cap:ui.proxy"
    USER_READ = "cap:user.read"
    SCHEDULER_MANAGE = "cap:scheduler.manage"
    INVOICE_MANUAL_CREATE = "cap:invoice.manual.create"
    CLIENT_READ = "cap:client.read"
    SERVICE_READ = "cap:service.read"


ALWAYS_GRANTED: frozenset[Capability] = frozenset({Capability.CONTEXT_READ, Capability.LOG_EMIT, Capability.USER_READ})
"""Granted to every call; they reveal only the call itself."""


_BY_NAME = {capability.value: capability for capability in Capability}


def parse_capabilities(written: Iterable[str]) -> tuple[frozenset[Capability], list[str]]:
    """Parses capability names: trims, lower-cases, skips blanks. Returns the known ones, and the unknown ones normalised and sorted."""
    written = tuple(written)
    with suppress(KeyError):  # fast: almost all callers pass exact names
        return frozenset([_BY_NAME[name] for name in written]), []
    known: set[Capability] = set()
    unknown: set[str] = set()
    for text in written:
        name = text.strip().lower()
        if not name:
            continue
        try:
            known.add(Capability(name))
        except ValueError:
            unknown.add(name)
    return frozenset(known), sorted(unknown)
