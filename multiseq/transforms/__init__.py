"""What is learned from the training split and applied to every sample.

Reading order: `base` (what all transforms share), `numeric` and `scale` (numbers), `vocabulary`
(categories and tokens), `estimator` (scikit-learn's objects). The last three don't import one
another.
"""

from __future__ import annotations

from .base import Transform
from .estimator import SklearnTransform, as_transform
from .learning import learn, learn_rows
from .scale import MinMax, Standardize
from .vocabulary import Vocabulary

__all__ = [
    "MinMax",
    "SklearnTransform",
    "Standardize",
    "Transform",
    "Vocabulary",
    "as_transform",
    "learn",
    "learn_rows",
]
