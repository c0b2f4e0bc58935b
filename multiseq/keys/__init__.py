"""Which samples: keys, how they are aligned, and how they are divided."""
