"""The messages between processes, typed once: between gateway and runner, and between commands and the REST API. Both sides import them."""
