"""Feed Keras models that have several inputs, without writing a generator.

Write one method, `load_sample(index)`, in a subclass of `MultiInputSequence`, or `join` the
ready-made sequences by key.
"""

from . import errors
from .augmenting import Albumentations
from .callbacks import InputMonitor
from .concat import ConcatenatedSequence, concat
from .distribution import current_shard
from .join import JoinedSequence, join
from .memory import aligned_empty
from .mixing import mix
from .modalities.arrays.sequence import ArraySequence
from .modalities.audio.mel import LogMel
from .modalities.audio.sequence import AudioSequence
from .modalities.files.sequence import FileSequence
from .modalities.images.sequence import ImageSequence
from .modalities.sql.sequence import SQLSequence
from .modalities.tables.sequence import TableSequence
from .modalities.text.sequence import TextSequence
from .modalities.windows.sequence import WindowSequence
from .pairing import pairs, triplets
from .samplers import BalancedSampler, BucketSampler, StratifiedSampler, WeightedSampler
from .samples import Spec
from .sequence import MultiInputSequence
from .serving import serving_model
from .transforms import Labels, MinMax, Standardize, Vocabulary

__all__ = [
    "Albumentations",
    "ArraySequence",
    "AudioSequence",
    "BalancedSampler",
    "BucketSampler",
    "ConcatenatedSequence",
    "FileSequence",
    "ImageSequence",
    "InputMonitor",
    "JoinedSequence",
    "Labels",
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
    "concat",
    "current_shard",
    "errors",
    "join",
    "mix",
    "pairs",
    "serving_model",
    "triplets",
]
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return list(__all__)
