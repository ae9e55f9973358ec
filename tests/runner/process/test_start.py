"""What a runner loads until its first answer. Imports are nearly all of its start; `bench/command.py` measures the time."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx2

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.cli.command_runner import clean_environment
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body
from tests.waiting import MAX_WAIT_SECONDS

SCRIPT = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules))))
from holdfast.runner.__main__ import main
sys.exit(main())
"""

UNUSED = {
    "alembic",
    "anyio",
    "argon2",
    "click",
    "cryptography",
    "cyclopts",
    "h11",
    "httpcore2",
    "httpx2",
    "jinja2",
    "obstore",
    "psutil",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "starlette.applications",
    "starlette.requests",
    "starlette.responses",
    "uvicorn.main",
    "zstandard",
    "holdfast.bundles.archive.reader",
    "holdfast.bundles.manifest.model",
    "holdfast.gateway",
    "holdfast.hostcalls.network.fetch",
    "holdfast.runner.endpoints.operations",
    "holdfast.runner.ui",
}
"""What takes long to load, and is not needed for a call of a bundle that is in the cache."""


def modules_after_one_call(folder: Path, digest: str) -> set[str]:
    """Runs a runner for one call. The modules that it has imported at its end."""
    listening = socket.create_server(("127.0.0.1", 0))
    environment = clean_environment(RUNNER_SERVICE_TOKEN=TOKEN, HOLDFAST_ENGINE_POOL="false", REGISTRY_BASE_URL="http://127.0.0.1:9")
    with (
        listening,
        (folder / "runner.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "--fd", str(listening.fileno())],
            cwd=folder,
            env=environment,
            pass_fds=(listening.fileno(),),
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            headers = {"x-runner-auth": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/execute"
            response = httpx2.post(url, json=call_body(digest), headers=headers, trust_env=False, timeout=MAX_WAIT_SECONDS)
            assert response.json()["error"] is None, response.text
            process.terminate()
            output, _ = process.communicate(timeout=MAX_WAIT_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, (folder / "runner.log").read_text()
    return set(json.loads(output))


def test_a_runner_loads_only_what_its_first_call_needs(tmp_path: Path) -> None:
    archive = bundle(tmp_path / "made.tar.zst", {"dist/main.wasm": guests.fine().read_bytes()})
    digest = hash_file(archive)
    asyncio.run(FolderStore(tmp_path / ".holdfast" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive))
    assert "zstandard" in modules_after_one_call(tmp_path, digest)  # unpacks the bundle
    assert not modules_after_one_call(tmp_path, digest) & UNUSED
