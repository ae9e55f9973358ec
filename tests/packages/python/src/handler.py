"""Runs the case that the path names. Every package is imported during the call."""

import traceback

from cases import CASES
from holdfast_sdk import json_response


def handler(request, host):
    try:
        return json_response({"value": CASES[request.path.strip("/")]()})
    except Exception:
        return json_response({"error": traceback.format_exc()})
