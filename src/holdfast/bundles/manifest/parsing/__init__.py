"""Parses manifest bytes to a JSON object, finds the positions of values, and reports errors with line and field."""
