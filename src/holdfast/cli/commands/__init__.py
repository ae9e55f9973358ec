"""One module a command. A command parses its options, calls the client, and prints."""
