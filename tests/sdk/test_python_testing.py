"""`holdfast_sdk.testing`: what unit tests of Python handlers use, in any Python and without a component."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from holdfast.author import resources
from tests.waiting import MAX_WAIT_SECONDS

CASES = Path(__file__).parent / "plain_python" / "cases.py"


def test_the_cases_pass_in_a_plain_python_that_has_only_the_sdk() -> None:
    command = [sys.executable, "-I", "-W", "error", "-c", _PROGRAM, str(resources.sdk_folder("python")), str(CASES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 4 tests" in done.stderr


_PROGRAM = """
import importlib.util, sys, unittest
sys.path.insert(0, sys.argv[1])
spec = importlib.util.spec_from_file_location("cases", sys.argv[2])
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
unittest.main(cases, argv=["cases"])
"""
