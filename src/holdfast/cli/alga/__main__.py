"""`python -m holdfast.cli.alga`: the same as the command `alga`."""

from holdfast.cli.alga.main import main

main()
