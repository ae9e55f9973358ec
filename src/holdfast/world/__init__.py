"""The interface between a guest and its host: the WIT text, the same types in Python, the capabilities."""
