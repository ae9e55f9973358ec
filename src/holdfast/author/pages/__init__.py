"""Builds the pages of an extension, and looks for what would not work in them."""
