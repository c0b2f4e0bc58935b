"""Where the time of a batch goes, and what to change."""
