"""Who loads, and when: the readers and loaders behind `seq[i]`."""
