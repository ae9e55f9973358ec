"""Has a compiled part that it can do without, and data files."""

try:
    from softlib import _speedups
except ImportError:
    _speedups = None
