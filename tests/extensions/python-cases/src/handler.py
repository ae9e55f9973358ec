"""Runs the function that the path names, and answers with what it returns. Everything here is imported during the call, on purpose."""

from cases import CASES
from holdfast_sdk import json_response


async def handler(request, host):
    result = CASES[request.path.strip("/")]()
    if hasattr(result, "__await__"):
        result = await result
    return json_response(result)
