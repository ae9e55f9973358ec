"""What processes send to each other, typed once: gateway and runner, and commands and the REST API. Both sides import these types."""
