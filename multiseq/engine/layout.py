"""What the samples of a sequence look like: learned from the first one, and from its spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks import is_text, text_refused
from ..collate import as_array
from ..errors import SpecError
from ..order import Draw
from ..samples import Sample, Spec, Structure, infer_spec
from ..weights import Weighting, check_kept
from .job import Layout, Source, blame
from .loading import loading

__all__ = ["batch_of_one", "check_targets", "infer_layout"]


def infer_layout(
    source: Source, index: int, declared: Any, class_weight: Any, draw: Draw | None, floatx: str
) -> Layout:
    """Returns the layout of a source's samples.

    Args:
        source: Whose samples.
        index: Of the sample to look at.
        declared: The `spec=` of the source: nested like a sample.
        class_weight: The `class_weight=` of the source.
        draw: Random numbers for `augment`, which may change shapes.
        floatx: What float64 becomes.

    Raises:
        SampleError: The sample cannot be loaded, or cannot be batched.
        ArgumentError: `declared` or `class_weight` do not fit the sample.
    """
    try:
        with loading:
            sample = source.make_sample(index, draw)
            if source.collates:
                batch = source.collate([sample])
                check_kept(sample, batch, "collate", "sample")
                sample = batch
        structure = Structure(sample)
        specs = [
            _spec(leaf, name, wanted, source.collates, floatx)
            for leaf, name, wanted in zip(
                structure.flatten(sample), structure.names, structure.align(declared), strict=True
            )
        ]
    except Exception as error:
        blame(error, source, "load_sample", index)

    def first() -> Sample:
        return sample if source.collates else batch_of_one(structure, sample)

    chunks, one_hot = source.target_chunks, source.one_hot_targets
    weighting = Weighting.of(structure, specs, class_weight, floatx, chunks, first, one_hot)
    return Layout(structure, specs, weighting)


def check_targets(structure: Structure, leaves: Sequence[Any]) -> None:
    """Raises SpecError where a target is text.

    Args:
        structure: Of the samples.
        leaves: Of one, or what has their dtypes.
    """
    keys, first = structure.keys("targets") or (None,), len(structure.of_inputs())
    for name, key, leaf in zip(structure.names[first:], keys, leaves[first:], strict=False):
        if name.startswith("targets") and is_text(leaf):
            output = key if isinstance(key, str) else None
            raise SpecError(got=leaf, **text_refused(name, output)).at(input=name)


def batch_of_one(structure: Structure, sample: Sample) -> Sample:
    """Returns a sample with a leading axis."""
    named = zip(structure.flatten(sample), structure.names, strict=True)
    return structure.unflatten([as_array(leaf, name)[None] for leaf, name in named])


def _spec(leaf: Any, name: str, declared: Spec | None, batched: bool, floatx: str) -> Spec:
    if declared is not None:
        return declared
    array = as_array(leaf, name)
    return infer_spec(array[0] if batched else array, floatx)
