"""Feed Keras models that have several inputs, without writing a generator.

Write one method, `load_sample(index)`, in a subclass of `MultiInputSequence`, or `join` the
ready-made sequences by key.
"""

from . import errors
from .join import JoinedSequence, join
from .memory import aligned_empty
from .modalities.arrays import ArraySequence
from .modalities.files import FileSequence
from .modalities.images import ImageSequence
from .modalities.text import TextSequence
from .samplers import BalancedSampler, BucketSampler, StratifiedSampler, WeightedSampler
from .samples import Spec
from .sequence import MultiInputSequence
from .transforms import MinMax, Standardize, Vocabulary

__all__ = [
    "ArraySequence",
    "BalancedSampler",
    "BucketSampler",
    "FileSequence",
    "ImageSequence",
    "JoinedSequence",
    "MinMax",
    "MultiInputSequence",
    "Spec",
    "Standardize",
    "StratifiedSampler",
    "TextSequence",
    "Vocabulary",
    "WeightedSampler",
    "aligned_empty",
    "errors",
    "join",
]
__version__ = "0.1.0"
