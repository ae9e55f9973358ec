"""Makes the pages under docs/reference/ that describe what the code defines: one module a page, each with a function `page()`."""
