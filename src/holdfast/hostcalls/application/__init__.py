"""The clients of the application that runs behind the host: its internal API, and its own routes."""
