"""Answers what it was asked."""

from dataclasses import asdict

from holdfast_sdk import json_response


def handler(request, host):
    return json_response({"headers": request.headers, "context": asdict(request.context)})
