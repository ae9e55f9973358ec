"""The API client that commands use, on a data folder or against a server. Prints nothing."""
