"""What the runner reports about calls: metrics and the access log."""
