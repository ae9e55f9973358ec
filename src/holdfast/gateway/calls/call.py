"""One call of an extension, as both gateways make it from their request."""

from __future__ import annotations

import uuid

from starlette.requests import Request

from holdfast.gateway.auth.authorization import Access
from holdfast.gateway.http.requests import printable, query_of, request_id


class Call:
    """A call with the access that it was granted.

    `method` is the effective one, never HEAD; `path` starts with `/` and is percent-encoded, like `query`; `body` is None for GET;
    `prefix` is the gateway's own path, which precedes the extension's, with `/` at its end. `idempotency_key` is None for GET.
    """

    __slots__ = ("access", "body", "idempotency_key", "method", "path", "prefix", "query", "request", "request_id", "tenant_id")

    def __init__(
        self, request: Request, access: Access, *, method: str, path: str, query: str | None = None, body: bytes | None, prefix: str
    ) -> None:
        """`query` is that of the request unless it is given. Raises InvalidRequest for a query that is not ASCII."""
        self.request = request
        self.access = access
        self.method = method
        self.path = path
        self.query = query_of(request) if query is None else query
        self.prefix = prefix
        self.request_id = request_id(request)
        self.tenant_id = access.caller.credential.identity.tenant_id
        self.body: bytes | None = None
        self.idempotency_key: str | None = None
        if method != "GET":
            self.body = body
            self.idempotency_key = printable(request.headers.get("x-idempotency-key")) or str(uuid.uuid4())
