"""Samplers of every kind, over the same samples."""

from __future__ import annotations

import numpy as np

from multiseq import BalancedSampler, BucketSampler, StratifiedSampler, WeightedSampler
from multiseq.samplers import SamplerBase

LABELS = np.array(list("aaaaaaaabbbc") * 10)
LENGTHS = np.random.default_rng(0).geometric(0.05, 120)
SAMPLERS: dict[str, SamplerBase] = {
    "weighted": WeightedSampler(np.arange(120)),
    "without replacement": WeightedSampler(np.arange(120), 50, replacement=False),
    "over": BalancedSampler(LABELS),
    "under": BalancedSampler(LABELS, method="under"),
    "stratified": StratifiedSampler(LABELS),
    "bucket": BucketSampler(LENGTHS, 8, pool=3),
}
