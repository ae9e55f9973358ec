"""Keeps the bytecode of the tests, also where PYTHONDONTWRITEBYTECODE asks for none: rewriting their assertions takes half of a start."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = False
