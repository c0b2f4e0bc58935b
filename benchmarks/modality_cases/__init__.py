"""One modality a module: `ours(folder)` and `by_hand(folder)` give the batches of one epoch."""
