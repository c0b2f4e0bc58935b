"""What may be wrong between a sequence and a model, found before training."""
