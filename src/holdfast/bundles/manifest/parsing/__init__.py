"""Manifest bytes to a JSON object, with the position of each value, and the issues that are reported."""
