"""Recurring calls of extensions, on a durable-execution engine: what is due runs once, and a killed process loses no run."""
