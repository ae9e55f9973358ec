"""Publishes and installs from an author's folders and bundles."""
