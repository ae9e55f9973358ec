"""The command `alga`: the commands, options, output and exit codes of the existing platform's tool, done by Holdfast; see decision 0056."""
