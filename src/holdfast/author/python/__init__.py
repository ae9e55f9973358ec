"""Builds components from handlers written in Python, with componentize-py."""

from holdfast.author.python.component import build_component
from holdfast.author.python.project_files import project_inputs

__all__ = ["build_component", "project_inputs"]
