"""A guest in Python, as componentize-py sees it: the world's classes, no SDK."""

import random
import sys
import time

import wit_world
from wit_world.imports import context, logging
from wit_world.imports.types import ExecuteResponse, HttpHeader


class WitWorld(wit_world.WitWorld):
    def handler(self, request):
        if request.http.url == "/throw":
            print("about to throw", file=sys.stderr)
            raise ValueError("thrown by the guest")
        if request.http.url == "/sleep":
            time.sleep(0.02)
        logging.log_info(f"tenant {context.get_context().tenant_id}")
        print("line one\nline two")
        body = f'{{"url": "{request.http.url}", "random": {random.random()}, "now": {time.time() * 1000}}}'
        return ExecuteResponse(200, [HttpHeader("content-type", "application/json")], body.encode())
