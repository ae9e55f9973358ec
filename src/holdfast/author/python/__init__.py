"""Builds components from handlers written in Python, with componentize-py."""

from holdfast.author.python.component import build_component
from holdfast.author.python.development import build_development
from holdfast.author.python.project_files import project_inputs

__all__ = ["build_component", "build_development", "project_inputs"]
