"""The settings that a manifest declares: the JSON Schema they are written in, and how values are checked against it."""
