"""Runs the programs that builds need: Node with the pinned packages, npm, the type checker."""
