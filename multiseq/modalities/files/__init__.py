"""Files named by key, and what is in them."""
