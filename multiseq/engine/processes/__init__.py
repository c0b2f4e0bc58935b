"""Worker processes: what only they need."""
