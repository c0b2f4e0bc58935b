"""Feed Keras models that have several inputs, without writing a generator.

Write one method, `load_sample(index)`, in a subclass of `MultiInputSequence`, or `join` the
ready-made sequences by key.
"""

from . import errors
from .augmenting import Albumentations
from .distribution import current_shard
from .join import JoinedSequence, join
from .memory import aligned_empty
from .modalities.arrays.sequence import ArraySequence
from .modalities.audio.mel import LogMel
from .modalities.audio.sequence import AudioSequence
from .modalities.files.sequence import FileSequence
from .modalities.images.sequence import ImageSequence
from .modalities.sql.sequence import SQLSequence
from .modalities.tables.sequence import TableSequence
from .modalities.text.sequence import TextSequence
from .modalities.windows.sequence import WindowSequence
from .samplers import BalancedSampler, BucketSampler, StratifiedSampler, WeightedSampler
from .samples import Spec
from .sequence import MultiInputSequence
from .transforms import MinMax, Standardize, Vocabulary

__all__ = [
    "Albumentations",
    "ArraySequence",
    "AudioSequence",
    "BalancedSampler",
    "BucketSampler",
    "FileSequence",
    "ImageSequence",
    "JoinedSequence",
    "LogMel",
    "MinMax",
    "MultiInputSequence",
    "SQLSequence",
    "Spec",
    "Standardize",
    "StratifiedSampler",
    "TableSequence",
    "TextSequence",
    "Vocabulary",
    "WeightedSampler",
    "WindowSequence",
    "aligned_empty",
    "current_shard",
    "errors",
    "join",
]
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return list(__all__)
