"""Serves the routes of the manifest. Runs as a WebAssembly component, with a fresh instance for every call."""

import re
import uuid
from datetime import UTC, datetime

from holdfast_sdk import Host, HostError, Request, Response, empty_response, json_response

NAMESPACE = "notes"
MAX_LENGTH = 500


def problem(status: int, error: str, message: str) -> Response:
    return json_response({"error": error, "message": message}, status)


def author_name(host: Host) -> str | None:
    """The caller's name. Calls with an API key, from a schedule or a webhook have no user."""
    try:
        return host.user().user_name
    except HostError:
        return None


def list_notes(host: Host) -> Response:
    notes = sorted((entry.json() for entry in host.storage.list(NAMESPACE)), key=lambda note: note["createdAt"], reverse=True)
    return json_response({"notes": notes, "count": len(notes)})


def add_note(request: Request, host: Host) -> Response:
    try:
        body = request.json()
    except ValueError:
        return problem(400, "invalid_json", "The body is not valid JSON.")
    if not isinstance(body, dict):
        return problem(400, "validation_failed", 'Send a JSON object such as {"text": "Call back at noon"}.')
    text = body.get("text", body.get("data"))
    if not isinstance(text, str) or not text.strip():
        return problem(400, "validation_failed", "text must not be empty.")
    if len(text) > MAX_LENGTH:
        return problem(400, "validation_failed", f"text must be at most {MAX_LENGTH} characters.")
    created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    note = {"id": str(uuid.uuid4()), "text": text.strip(), "author": author_name(host), "createdAt": created}
    host.storage.put_json(NAMESPACE, note["id"], note)
    host.logging.info("Note added", id=note["id"], length=len(note["text"]))
    return json_response(note, 201)


def delete_note(note_id: str, host: Host) -> Response:
    if host.storage.get(NAMESPACE, note_id) is None:
        return problem(404, "not_found", "There is no such note.")
    host.storage.delete(NAMESPACE, note_id)
    host.logging.info("Note deleted", id=note_id)
    return empty_response()


def handler(request: Request, host: Host) -> Response:
    note_path = re.fullmatch(r"/notes/([0-9a-f-]{36})", request.path)
    match request.method:
        case "GET" if request.path == "/notes":
            return list_notes(host)
        case "POST" if request.path == "/notes":
            return add_note(request, host)
        case "DELETE" if note_path:
            return delete_note(note_path[1], host)
        case _:
            return problem(404, "not_found", f"There is no {request.method} {request.path}.")
