"""What the gateway and the runner share of HTTP."""
