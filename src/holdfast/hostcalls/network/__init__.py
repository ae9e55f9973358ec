"""How a guest's HTTP requests leave: egress rules, checked addresses, pinned connections."""
