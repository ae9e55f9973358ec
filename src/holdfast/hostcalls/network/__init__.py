"""HTTP requests of guests: egress rules, checked addresses, pinned connections."""
