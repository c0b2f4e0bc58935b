"""From hooks to samples and batches: what the engine asks a sequence for."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from .. import _keras
from ..augmenting import Asking
from ..engine.job import Layout, blame
from ..engine.layout import infer_layout
from ..order import Draw, Indices
from ..pipeline import Pipeline
from ..samples import Sample, Spec, copied
from ..stages import stage
from ..weights import check_kept
from .hooks import Hooks
from .views import Views

__all__ = ["Making"]

_LOADING = 1  # The stream of random numbers of `load_sample`; that of `augment` is 0.


class Making(Hooks, Views):
    """The side of a sequence that makes samples and batches, by the hooks that are written."""

    _declared: Any  # By `spec=`.

    def load_sample(self, index: int) -> Sample:
        """Returns one sample; a subclass does it."""
        raise NotImplementedError

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns a sample changed at random; a subclass may do it."""
        raise NotImplementedError

    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples at once; a subclass may do it."""
        raise NotImplementedError

    @property
    def loads_batches(self) -> bool:
        """Whether `load_batch` is written."""
        return self._writes("load_batch")

    @property
    def collates(self) -> bool:
        """Whether `collate` is written."""
        return self._writes("collate")

    @property
    def by_batch(self) -> bool:
        """Whether `load_batch` makes its batches: written, nothing random, no `collate`."""
        return self.loads_batches and not self.augments and not self.collates

    @property
    def augments(self) -> bool:
        """Whether something is random in its samples, and wanted."""
        return self._settings.augmented and (self._draws or self._is_augmented)

    @property
    def _draws(self) -> bool:
        """Whether `load_sample` takes random numbers."""
        return bool(self._asked["load_sample"])

    @property
    def _is_augmented(self) -> bool:
        """Whether `augment` is written or given."""
        return self._settings.augment is not None or self._writes("augment")

    @property
    def _augments_itself(self) -> bool:
        """Whether `augment` is written or given, and wanted."""
        return self._settings.augmented and self._is_augmented

    def make_sample(self, index: int, draw: Draw | None) -> Sample:
        """Returns a sample: loaded, transformed, and augmented where there are random numbers."""
        sample = self._loaded(index, draw)
        if self._pipeline is not None:
            sample = self._transformed(self._pipeline, sample, index)
        if draw is None or not self._augments_itself:
            return sample
        return self._augmented(sample, index, draw)

    def make_batch(self, indices: Indices) -> Any:
        """Returns what `make_sample` makes of several samples, together, where nothing is random.

        Args:
            indices: As `load_batch` takes them.
        """
        batch = self.load_batch(indices)
        if self._pipeline is None:
            return batch
        return self._transformed_rows(self._pipeline, batch)

    def make_layout(self) -> Layout:
        """What the samples look like, from the first one and from `spec`."""
        settings, index = self._settings, self._source_index(0)
        draw = Draw(settings.seed, 0) if self.augments else None
        declared, class_weight = self._declared, self._class_weight
        if self._pipeline is not None and self._leaves_out_targets:
            declared, class_weight = _of_inputs(declared), None
        layout = infer_layout(self, index, declared, class_weight, draw, _keras.floatx())  # type: ignore[arg-type]
        if self._pipeline is None:
            return layout
        return self._passed_on(self._pipeline, layout, declared, self._lists(self._pipeline, index))

    @property
    def _class_weight(self) -> Any:
        """`class_weight=`, by the numbers of classes."""
        return self._settings.class_weight

    def _loaded(self, index: int, draw: Draw | None) -> Sample:
        """Returns a sample as it is loaded, by random numbers if it takes any."""
        if not self._draws:
            return self.load_sample(index)
        wanted = draw is not None and self._settings.augmented
        rng = draw.generator(index, _LOADING) if draw is not None and wanted else None
        return self.load_sample(index, rng=rng)  # type: ignore[call-arg]

    @stage("transform")
    def _transformed_rows(self, pipeline: Pipeline, batch: Any) -> Any:
        return pipeline.batch(batch, self._leaves_out_targets)

    @stage("transform")
    def _transformed(self, pipeline: Pipeline, sample: Sample, index: int) -> Sample:
        try:
            return pipeline.sample(sample, self._leaves_out_targets)
        except Exception as error:
            blame(error, self, "transforms", index)  # type: ignore[arg-type]

    @property
    def _leaves_out_targets(self) -> bool:
        """Whether inputs are made alone: a model that predicts has no use for targets."""
        if not self._inputs_only or self.collates or self._augments_itself:
            return False
        return self._pipeline is None or not self._pipeline.maps  # They see the whole sample.

    def _lists(self, pipeline: Pipeline, index: int) -> set[str]:
        """The names of leaves for which a function returns a list, whose length may vary."""
        try:
            return pipeline.lists(self._loaded(index, None), self._leaves_out_targets)
        except Exception as error:
            blame(error, self, "transforms", index)  # type: ignore[arg-type]

    def _passed_on(
        self, pipeline: Pipeline, layout: Layout, declared: Any, lists: set[str]
    ) -> Layout:
        """Returns a layout with what is known of leaves as they are loaded, where it holds on."""
        structure, loaded, changed = layout.structure, self._loaded_specs(), pipeline.changed
        known = {
            name: given
            or _passed_on(spec, loaded.get(name), pipeline.maps or name in changed, name in lists)
            for name, spec, given in zip(
                structure.names, layout.specs, structure.align(declared), strict=True
            )
        }
        for name, given in zip(known, structure.align(declared), strict=True):
            if given is None and name in changed and name.startswith("sample_weight"):
                target = known[name.replace("sample_weight", "targets", 1)]
                known[name] = _as_long(known[name], target)
        return Layout(structure, list(known.values()), layout.weighting)

    def _loaded_specs(self) -> dict[str, Spec]:
        """What is known of leaves as they are loaded, by their names."""
        return {} if self._loaded_spec is None else {"inputs": self._loaded_spec}

    def _augmented(self, sample: Sample, index: int, draw: Draw) -> Sample:
        rng, given = draw.generator(index), self._settings.augment
        try:
            # A copy, since augmenting in place is usual, and `load_sample` may return what it has.
            asked = self._asked_for(self._asked["augment"], index)
            made = self.augment(copied(sample), rng, **asked)
            if given is not None:
                asked = self._asked_for(given.names, index) if isinstance(given, Asking) else {}
                made = given(made, rng, **asked)
            check_kept(sample, made, "augment", "sample")
            return made
        except Exception as error:
            blame(error, self, "augment", index)  # type: ignore[arg-type]

    def _asked_for(self, names: tuple[str, ...], index: int) -> dict[str, Any]:
        return {name: index if name == "index" else self._key_of(index) for name in names}

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs; the keys, where `augment` asks for them.

        They go as plain values, since pandas would have to be imported for an index.
        """
        other = super().for_workers()
        given = self._settings.augment
        asked = {*self._asked["augment"], *(given.names if isinstance(given, Asking) else ())}
        wanted = self._settings.augmented and "key" in asked
        other._plain_keys = None, self._keys_as_values() if wanted else ()
        return other


def _passed_on(spec: Spec, loaded: Spec | None, transformed: bool, varies: bool) -> Spec:
    """Returns the spec of a leaf that none was declared for.

    Args:
        spec: What was found of one sample.
        loaded: What is known of the leaf as it is loaded.
        transformed: Whether it may differ from that.
        varies: Whether its first axis is of any length.
    """
    if loaded is not None and not transformed:
        return loaded
    shape = list(spec.shape)
    if loaded is not None and len(loaded.shape) == len(shape):
        shape = [None if was is None else now for was, now in zip(loaded.shape, shape, strict=True)]
        spec = dataclasses.replace(loaded, shape=spec.shape, dtype=spec.dtype)
    if varies and shape:
        shape[0] = None
    return dataclasses.replace(spec, shape=tuple(shape))


def _as_long(weights: Spec, target: Spec) -> Spec:
    """Returns the spec of weights along a target's first axes, of which some are of any length."""
    pairs = zip(weights.shape, target.shape, strict=False)  # Of a target there may be more.
    shape = tuple(None if long is None else own for own, long in pairs)
    return dataclasses.replace(weights, shape=shape)


def _of_inputs(declared: Any) -> Any:
    """Returns what `spec=` says of inputs."""
    return declared[:1] if isinstance(declared, tuple) else declared
