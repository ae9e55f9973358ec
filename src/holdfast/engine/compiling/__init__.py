"""Compiling a component in a separate, limited process, and the artifacts on disk."""
