"""A server with the transit part of Vault's HTTP API: the package sources of the tests do not have Vault itself."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class VaultServer:
    """Encrypts and decrypts `vault:v1:` texts, which are the reversed plaintext, and records every request."""

    def __init__(self, token: str = "hvs.token") -> None:
        self.token = token
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answer: tuple[int, bytes] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                answer = outer.encrypt if "/encrypt/" in self.path else outer.respond
                status, content = outer.answer or answer(self.headers.get("x-vault-token"), *body.values())
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", "/v1/elsewhere")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:  # tests read `requests` instead
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def respond(self, token: str | None, ciphertext: str) -> tuple[int, bytes]:
        if token != self.token:
            return 403, b'{"errors":["permission denied"]}'
        if not ciphertext.startswith("vault:v1:"):
            return 400, json.dumps({"errors": [f"invalid ciphertext: {ciphertext}"]}).encode()
        return 200, json.dumps({"data": {"plaintext": ciphertext.removeprefix("vault:v1:")[::-1]}}).encode()

    def encrypt(self, token: str | None, plaintext: str) -> tuple[int, bytes]:
        if token != self.token:
            return 403, b'{"errors":["permission denied"]}'
        return 200, json.dumps({"data": {"ciphertext": f"vault:v1:{plaintext[::-1]}", "key_version": 1}}).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def sealed(secrets: dict[str, str]) -> str:
    """The ciphertext of `secrets` on this server."""
    return "vault:v1:" + base64.b64encode(json.dumps(secrets).encode()).decode()[::-1]
