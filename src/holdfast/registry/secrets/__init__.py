"""Secrets of installs: sealed, rotated, never returned."""
