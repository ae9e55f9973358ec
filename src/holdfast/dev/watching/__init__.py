"""Finds out what has changed in a project, and when to build it."""
