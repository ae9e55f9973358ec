"""Fast routes made from a table of operations: the same handlers as through ASGI, without routing, middleware and messages."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import Message

from holdfast.http.fast_path import FastCall, FastRoutes, Respond
from holdfast.http.header_tables import HeaderTable
from holdfast.http.operations import Endpoint, Operation, S


class WholeRequest(Request):
    """A request that has arrived completely, to the last byte of its body. Its task is cancelled when the client disconnects."""

    def __init__(self, call: FastCall, method: str, path: str, query: bytes, path_params: dict[str, str]) -> None:
        super().__init__(
            {
                "type": "http",
                "http_version": "1.1",
                "method": method,
                "scheme": call.scheme,
                "path": path,
                "raw_path": call.target.partition(b"?")[0],
                "query_string": query,
                "root_path": "",
                "path_params": path_params,
                "headers": call.headers,
                "client": call.client,
                "server": call.server,
            },
            self._receive_whole,
        )
        self.whole_body = bytes(call.body)
        self._is_received = False
        self._header_table = HeaderTable(call.headers)

    @property
    def headers(self) -> HeaderTable:
        return self._header_table

    async def _receive_whole(self) -> Message:
        if self._is_received:
            await asyncio.get_running_loop().create_future()
        self._is_received = True
        return {"type": "http.request", "body": self.whole_body, "more_body": False}


def make_fast_routes(operations: Iterable[Operation[S]], services: S) -> FastRoutes:
    """The fast routes of those operations that are `fast`. Like `make_routes`: HEAD is served wherever GET is, and the first match wins.

    Raises ValueError for a path that does not begin with a literal, or has converters other than `path`.
    """
    by_method: dict[bytes, list[_FastOperation]] = defaultdict(list)
    for operation in operations:
        if operation.fast:
            for method in ("GET", "HEAD") if operation.method == "GET" else (operation.method,):
                endpoint = operation.errors.wrap(partial(operation.handler, services))
                by_method[method.encode()].append(_FastOperation(operation.path, method, endpoint))
    table = dict(by_method)

    def find(method: bytes, target: bytes) -> Respond | None:
        for operation in table.get(method, ()):
            if target.startswith(operation.prefix):
                found = operation.match(target)
                if found is not None:
                    return found
        return None

    return find


class _FastOperation:
    """One operation: `prefix` is what every path of its template begins with."""

    def __init__(self, template: str, method: str, endpoint: Endpoint) -> None:
        self.prefix = template.partition("{")[0].encode("ascii")
        if self.prefix in (b"", b"/"):
            raise ValueError(f"{template} does not begin with a literal.")
        self._regex, _, converters = compile_path(template)
        if any(f"{{{name}}}" not in template and f"{{{name}:path}}" not in template for name in converters):
            raise ValueError(f"{template} has a converter other than `path`.")
        self._method = method
        self._endpoint = endpoint

    def match(self, target: bytes) -> Respond | None:
        """What responds to the target if its path is one of the template's."""
        if not target.isascii() or b"#" in target:
            return None  # uvicorn decides what these mean
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        if "%" in path:
            path = unquote(path)
        found = self._regex.match(path)
        return None if found is None else partial(self._respond, path, query, found.groupdict())

    def _respond(self, path: str, query: bytes, path_params: dict[str, Any], call: FastCall) -> Any:
        return self._endpoint(WholeRequest(call, self._method, path, query, path_params))
