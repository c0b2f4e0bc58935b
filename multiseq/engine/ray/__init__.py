"""Workers on the machines of a Ray cluster: what only they need."""
