"""What extensions have stored, for commands: on a data folder, through a running platform, or on a server."""
