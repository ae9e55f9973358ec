"""What a user would pick instead of Holdfast, as far as it installs from PyPI and npm: `python -m bench.alternatives [--quick]`."""
