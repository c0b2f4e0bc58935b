"""What is done to each sample after it is loaded: transforms, by the names of inputs and targets.

Reading order: `naming` (which input or target a name means), `mapping` (a function of the whole
sample), `absence` and `masking` (what is done about missing values), `own` (chains that a class
applies by itself), `plan` (chains that are applied to samples).
"""

from __future__ import annotations

from .absence import apart, by_name, names_given
from .own import Own, own_steps, parted
from .plan import Pipeline

__all__ = [
    "Own",
    "Pipeline",
    "apart",
    "by_name",
    "names_given",
    "own_steps",
    "parted",
]
