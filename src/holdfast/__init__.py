"""Holdfast: the open host for Alga extensions."""

__version__ = "0.1.0"
