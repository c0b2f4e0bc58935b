"""What is learned from the training split and applied to every sample.

Reading order: `base` (what all transforms share), `numeric` and `scale` (numbers), `vocabulary`
(categories and tokens), `labels` (classes), `estimator` (scikit-learn's objects). The last four
don't import one another.
"""

from __future__ import annotations

from .base import Transform
from .estimator import SklearnTransform, as_transform
from .exchange import Exchange, Holder, distinct
from .labels import Labels
from .learning import afresh, learn, learn_rows
from .scale import MinMax, Standardize
from .vocabulary import Vocabulary

__all__ = [
    "Exchange",
    "Holder",
    "Labels",
    "MinMax",
    "SklearnTransform",
    "Standardize",
    "Transform",
    "Vocabulary",
    "afresh",
    "as_transform",
    "distinct",
    "learn",
    "learn_rows",
]
