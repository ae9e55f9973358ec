"""Builds extensions from their sources: a component from the handler, static files from the page."""
