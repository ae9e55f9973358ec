"""What a guest and its host say to each other: the WIT text, the same types in Python, the capabilities."""
