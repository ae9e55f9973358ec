"""The lean start leaves out two libraries, and takes nothing away from code that needs them."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from holdfast.processes.lean_imports import load_lean_libraries

load_lean_libraries()
assert not {"click", "rich", "uvicorn.main"} & set(sys.modules), "loaded too much"

import structlog, uvicorn
from uvicorn.server import Server
assert uvicorn.Server is Server and uvicorn.Config
structlog.get_logger().info("works")

import rich.console, uvicorn.main
assert uvicorn.main.Server is Server
assert callable(uvicorn.main.run)
before = dict(sys.modules)
load_lean_libraries()
assert sys.modules == before, "changed what was loaded"
"""


def test_structlog_and_uvicorn_work_and_the_libraries_left_out_can_be_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
