"""The wasmtime package's public interface behind uvicorn, as one would write it: a fresh instance for each request, nothing around it."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.baselines import public_api
from bench.engine import request as sent


def main() -> None:
    port, wasm = int(sys.argv[1]), Path(sys.argv[2])
    call = public_api(wasm, sent())

    async def respond(request: Request) -> Response:
        return Response(status_code=int(call().status))

    app = Starlette(routes=[Route("/", respond)])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
