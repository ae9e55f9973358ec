"""Publishing over HTTP, as the published tools do it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx2

UPLOAD = "/api/ext-bundles/upload-proxy"
FINALIZE = "/api/ext-bundles/finalize"
ABORT = "/api/ext-bundles/abort"


async def upload(http: httpx2.AsyncClient, content: bytes, headers: dict[str, str], **query: str) -> httpx2.Response:
    """The first request. Query parameters that are empty are omitted."""
    digest = hashlib.sha256(content).hexdigest()
    parameters = {"filename": "bundle.tar.zst", "size": str(len(content)), "declaredHash": digest} | query
    sent = {"content-type": "application/octet-stream"} | headers
    return await http.post(UPLOAD, params={name: value for name, value in parameters.items() if value}, content=content, headers=sent)


async def publish(http: httpx2.AsyncClient, archive: Path, headers: dict[str, str], **more: Any) -> httpx2.Response:
    """Both requests. Returns the response of the second."""
    uploaded = await upload(http, archive.read_bytes(), headers)
    assert uploaded.status_code == 200, uploaded.text
    return await http.post(FINALIZE, json={"key": uploaded.json()["upload"]["key"], **more}, headers=headers)
