"""For the author of an extension: build, pack."""
