"""One module for each WIT interface that a guest may import."""
