"""What commands print as their result."""
