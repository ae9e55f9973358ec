"""The platform of `holdfast up`: sockets, the runner as a child process, the server, and who is running where."""
