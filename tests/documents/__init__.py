"""Documents: each format read and written, and what survives in them."""
