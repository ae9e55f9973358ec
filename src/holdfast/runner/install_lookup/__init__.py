"""Asking the registry whether an install may be served."""
