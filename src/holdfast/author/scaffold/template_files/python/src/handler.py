"""Serves the endpoints that manifest.json declares. Every call runs in a fresh instance; what must last goes into storage."""

from holdfast_sdk import Host, Request, Response, json_response


def handler(request: Request, host: Host) -> Response:
    if request.path != "/visits":
        return json_response({"error": "not_found", "message": f"There is no {request.method} {request.path}."}, 404)
    visits = host.storage.get_json("visits", "total") or 0
    if request.method == "POST":
        visits += 1
        host.storage.put_json("visits", "total", visits)
        host.logging.info("Visit counted", visits=visits)
    return json_response({"visits": visits})
