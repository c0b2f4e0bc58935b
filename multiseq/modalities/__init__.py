"""A folder for each kind of data: its class, and what only that reads with."""
