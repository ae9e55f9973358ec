"""The manifest of an extension: its model, its validation errors with line and field, its JSON Schema."""
