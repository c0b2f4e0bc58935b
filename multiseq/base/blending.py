"""What is done at random to whole batches, such as MixUp and CutMix."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from .. import _keras
from ..engine.job import Job, Layout, blame
from ..errors import SpecError
from ..order import Draw, Indices
from ..samples import Structure, infer_spec
from ..stages import stage
from ..weights import check_kept
from .hooks import optional
from .predicting import Predicting

__all__ = ["Blending"]

_BLENDING = 2  # The stream of random numbers.


class Blending(Predicting):
    """The side of a sequence that augments batches."""

    @optional
    def augment_batch(self, batch: Any, rng: np.random.Generator) -> Any:
        """Returns a batch changed at random, such as one that MixUp blends.

            >>> def mixup(batch, rng):
            ...     images, labels = batch
            ...     share, other = rng.beta(0.2, 0.2), rng.permutation(len(images))
            ...     labels = np.eye(10, dtype="float32")[labels]
            ...     return tuple(share * each + (1 - share) * each[other]
            ...                  for each in (images, labels))

        Args:
            batch: (inputs,), with targets and weights if there are any, each nested as in a
                sample; weights are completed by `class_weight`. NumPy arrays, free to be changed.
                Of a shard, the shard's rows alone.
            rng: Depends on seed, epoch and the batch's samples alone, never on the worker.

        Returns:
            As many rows, of shapes and dtypes that are the same in every batch; targets may be
            of others than before. Targets come with weights where they did.
        """
        return batch

    @property
    def augments_batches(self) -> bool:
        """Whether `augment_batch` is written or given, and wanted."""
        settings = self._settings
        given = settings.augment_batch is not None
        return settings.augmented and (given or self._writes("augment_batch"))

    @property
    def augments(self) -> bool:
        """Whether something is random in its batches, and wanted."""
        return super().augments or self.augments_batches

    @stage("augment_batch")
    def blended(self, batch: Any, indices: Indices, draw: Draw) -> Any:
        """Returns what `augment_batch` makes of a batch of these samples."""
        # Known by its samples, a batch has the same random numbers wherever it is loaded.
        raw = np.ascontiguousarray(indices, "<i8").tobytes()
        name = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
        rng, given = draw.generator(name, _BLENDING), self._settings.augment_batch
        try:
            made = self.augment_batch(batch, rng) if self._writes("augment_batch") else batch
            made = made if given is None else given(made, rng)
            if made is None:
                raise SpecError("augment_batch returned nothing", fix="is a return missing?")
            check_kept(batch, made, "augment_batch", "batch")
            return made
        except Exception as error:
            blame(error, self, "augment_batch")  # type: ignore[arg-type]

    def served_layout(self) -> Layout:
        """What the batches look like: as they are put together, or as `augment_batch` does it."""
        layout = super().served_layout()
        if not self.augments_batches:
            return layout
        indices, draw = np.array([self._source_index(0)]), Draw(self._settings.seed, 0)
        (batch,) = Job(self, layout, indices, draw).run_all()  # type: ignore[arg-type]
        found = self.blended(batch, indices, draw)
        try:
            return _blended_layout(found, layout)
        except Exception as error:
            blame(error, self, "augment_batch")  # type: ignore[arg-type]


def _blended_layout(batch: Any, assembled: Layout) -> Layout:
    """Returns the layout of what was made of a batch of one sample."""
    structure, specs = Structure(batch), []
    before = dict(zip(assembled.structure.names, assembled.specs, strict=True))
    for leaf, name in zip(structure.flatten(batch), structure.names, strict=True):
        array, old = np.asarray(leaf), before.get(name)
        spec = infer_spec(array[0], _keras.floatx())
        if old is not None and array.dtype == old.dtype:  # Such as float64, where it was declared.
            spec = dataclasses.replace(spec, dtype=old.dtype)
        if old is not None and old.variable and len(old.shape) == len(spec.shape):
            spec = dataclasses.replace(old, dtype=spec.dtype)
        specs.append(spec)
    layout = Layout(structure, specs)
    layout.assembled = assembled
    return layout
