"""The manifest of an extension: its model, its JSON Schema, and the settings of an install.

Imports go one way: parsing, then fields, then settings, then this package.
"""
