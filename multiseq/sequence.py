"""`MultiInputSequence`: the template that every sequence fills in."""

from __future__ import annotations

import abc
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from .augmenting import Augmentation
from .base.blending import Blending
from .base.checking import Checking
from .base.describing import Describing
from .base.encoding import Encoding
from .base.families import Family
from .base.feed import KerasFeed
from .base.folding import Folding
from .base.hooks import NamedInErrors, optional
from .base.profiling import Profiling
from .base.resuming import Resuming
from .base.saving import Saving
from .base.showing import Showing
from .engine.job import Layout, blame
from .engine.runtime import Runtime
from .errors import NotInitializedError, SampleError, naming
from .keys.rows import UnlabelledRows, rows_beside
from .keys.selection import checked_keys
from .order import Indices, Sampler
from .pipeline import Pipeline
from .samples import Sample
from .settings import Parallel, Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MultiInputSequence"]

_OWN = ("_clock", "_declared", "_keys", "_live", "_selection", "_settings", "_size", "_substituted")
_starting = threading.RLock()


def _renew_lock() -> None:
    """A forked child does not have the thread that may hold the lock."""
    global _starting
    _starting = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class MultiInputSequence(
    Showing,
    Describing,
    Blending,
    Encoding,
    Saving,
    Checking,
    Folding,
    Profiling,
    Resuming,
    KerasFeed,
    metaclass=NamedInErrors,
):
    """Feeds a Keras model with several inputs: batches in which all inputs are of one sample.

    A subclass says how to load one sample; indexing, shuffling, batches, workers and errors are
    taken care of. It is a `keras.utils.Sequence`, and `fit`, `evaluate` and `predict` take it as
    it is.

    **Must** be written: `load_sample(index)`.

    **May** be written: `augment(sample, rng)` for what is random, `load_batch(indices)` where
    many samples load faster together, `collate(samples)` for what stacking and padding can't do,
    `target_rows(indices)` where targets are known without loading inputs, and
    `augment_batch(batch, rng)` for MixUp and its like, and `encode_sample(...)` to serve raw
    records. `load_sample` may take an `rng` too, and `augment` a `key`.

    **Leave** everything else as it is.

    A batch `seq[i]` is a pure function of (seed, epoch, i): in any order, from any thread, any
    number of times, with any workers, it has the same bytes. Under `fit`, the k-th pass is epoch
    k on every backend; where this sequence decides the order, the k-th batch of training is the
    k-th of its epoch, however Keras shuffles. With `steps_per_epoch` below `len(seq)`, Keras goes
    on where it stopped, and each pass covers every sample once.

    Args:
        n_or_keys: The number of samples, or their keys: anything `pandas.Index` takes.
        batch_size: Samples in a batch.
        shuffle: Whether each epoch has an order of its own. Where it has none, `fit(shuffle=True)`,
            Keras' default, shuffles the order of batches.
        seed: Of order and augmentation; None draws one that `keras.utils.set_random_seed` governs.
        drop_last: Whether to leave out the last batch where it is not full.
        sampler: A pure function of (seed, epoch) that returns the positions of an epoch's
            samples, in order; in place of `shuffle`.
        workers: How many workers load ahead; 0 loads when a batch is asked for. "auto" finds the
            kind and the number, by trying some while the first batches are handed out; `parallel`
            and `stats().chosen` tell. The batches are the same, whoever loads.
        use_multiprocessing: Whether workers are processes, and not threads.
        cluster: "ray" for workers on the machines of a Ray cluster: the one that `ray.init`
            connected to; else the one at `RAY_ADDRESS`, or one on this machine. `workers` is how
            many batches are loaded at once. Paths must lead to the same files on all machines.
            The arrays of batches are read-only: they lie in Ray's store.
        max_queue_size: How many batches are read ahead; None for `workers + 2`, or up to 16 times
            as many of small ones that load quickly.
        augment: What is done at random to each sample, after `augment` where that is written: a
            function of (sample, rng) that returns the sample, or an albumentations Compose. A
            function with a parameter called `key` or `index` is given that too.
        augment_batch: What is done at random to each batch, such as MixUp: a function of
            (batch, rng), as the method of that name is.
        augmented: Whether samples and batches are augmented.
        on_error: What happens where a sample cannot be loaded: "raise"; "substitute" to take
            another one in its place, drawn by (seed, epoch, sample); or a function of the error
            (a SampleError that says where) that returns whether to substitute.
        max_errors: Most samples that are substituted in an epoch; one more raises.
        timeout: Seconds after which a worker process that does not reply is replaced; on a
            cluster, that a worker process may load one batch. None for any time.
        spec: Shape and dtype of leaves: nested like a sample, with a `Spec` or None at each leaf.
            What is left out is taken from the first sample.
        transforms: What is done to values after they are loaded, by the name of the input or
            target: a transform such as `Standardize()`, which `adapt()` learns, one of
            scikit-learn's, a function of one sample's value, or a tuple of those, applied in
            order. The steps of the only input may be given by themselves. What has no name of its
            own is "inputs" or "targets", in a tuple "inputs[0]" or "targets[1]"; and where an
            input and a target have one name, they are "inputs['x']" and "targets['x']".
        missing: What becomes of missing values (None, NaN, NaT, pandas.NA), before `transforms`:
            "raise" refuses them; "mean" puts the mean of their feature there, which `adapt()`
            learns; any other value is put there itself, such as 0.0, or "" in text. Said once it is
            for all inputs; or a dict says it by the names that `transforms` knows. A target may
            have "mask": where it is missing, its weight is 0 (that of the step, of labels for each
            step; of the output, where there are several), which `weighted_metrics` heed. What is
            left out is as the class says.
        map: What is done to each whole sample after `transforms`, and before it is augmented: a
            function of the sample, a tuple nested as `load_sample` returns it, that returns one of
            any structure. It draws no random numbers; it may write into what it is given. Targets
            that it hands on, by whatever name, keep their classes and units for `predictions`.
        class_weight: {class: weight}, or "balanced" for weights inverse to how often this
            sequence's targets are of each class, n / (classes * count); or such by output where
            targets are a dict. Classes are those of `Labels` where targets have them, such as
            {"cat": 1, "dog": 5}, else the whole numbers that the model is given. Each element of
            the targets has the weight of its class, which is 1 where it is left out; times
            `sample_weight` where there is one.
        name: Of this sequence, for reports and errors.

    Raises:
        ArgumentError: An argument is not what it should be.
        AlignmentError: Keys are duplicated or missing.
    """

    def __init__(
        self,
        n_or_keys: Any,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        sampler: Sampler | None = None,
        workers: int | Literal["auto"] = 0,
        use_multiprocessing: bool = False,
        cluster: str | None = None,
        max_queue_size: int | None = None,
        augment: Augmentation | None = None,
        augment_batch: Callable[[Any, np.random.Generator], Any] | None = None,
        augmented: bool = True,
        on_error: str | Callable[[SampleError], bool] = "raise",
        max_errors: int = 100,
        timeout: float | None = None,
        spec: Any = None,
        transforms: Any = None,
        missing: Any = None,
        map: Callable[[Sample], Sample] | None = None,
        class_weight: Mapping[Any, Any] | str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._settings = Settings(
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_last=drop_last,
            sampler=sampler,
            workers=workers,
            use_multiprocessing=use_multiprocessing,
            cluster=cluster,
            max_queue_size=max_queue_size,
            augment=augment,
            augment_batch=augment_batch,
            augmented=augmented,
            on_error=on_error,
            max_errors=max_errors,
            timeout=timeout,
            class_weight=class_weight,
            name=name,
        )
        self._declared, self._family = spec, Family()
        self._pipeline = Pipeline.of(transforms, map, missing)
        self._number(n_or_keys)

    def _number(self, n_or_keys: Any) -> None:
        """Gives the samples their keys."""
        self._keys = checked_keys(n_or_keys)
        self._keyed = not isinstance(n_or_keys, int | np.integer)
        self._size = self._source_size = len(self._keys)
        rows = self._source_rows or rows_beside(n_or_keys)
        self._source_rows = rows or (UnlabelledRows(self._size, self._keyed),)
        self._selection: Indices | None = None
        self._settings = self._settings.replace({"sampler": self._aligned(self._settings.sampler)})
        self._start_over(epoch=0)

    # Must be written.

    @abc.abstractmethod
    def load_sample(self, index: int) -> Sample:
        """Returns one sample: a pure function of `index`.

        It may run in any thread or process, in any order and more than once, so it writes nothing
        shared, and draws no random numbers but from an `rng` that it is given: written as
        `load_sample(self, index, rng)`, it may cut at random what is too long to be loaded whole.
        That `rng` depends on (seed, epoch, sample) alone, and is another than that of `augment`.
        It is None where nothing is augmented, as in validation and in `sample`: take the middle
        there, say.

        Args:
            index: From 0 to the number of samples - 1, in the order of the keys.

        Returns:
            `inputs`, `(inputs,)`, `(inputs, targets)` or `(inputs, targets, sample_weight)`.
            Inputs and targets are each an array or a scalar, a tuple of these in the model's
            order, or a dict by name. Never a list. Arrays have no batch axis.
        """

    # May be written.

    @optional
    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns a sample changed at random, such as image and mask turned together.

        Args:
            sample: As `load_sample` returned it; with weights where a target may be missing.
            rng: Depends on (seed, epoch, sample) alone, never on the worker; use it here only.

        With a further parameter called `key` it is also given the sample's key (text, a number, a
        tuple of them; of a lookup, the key that was looked up), and with one called `index` what
        `load_sample` takes.
        """
        return sample

    @optional
    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples at once: the same values as `load_sample`, one by one.

        Args:
            indices: Of the samples, int64, of shape (n,).

        Returns:
            Nested like a sample; each leaf has a leading axis of length n, or is a list of n
            arrays where an axis is variable. What `multiseq.aligned_empty` made is not copied.
        """
        raise NotImplementedError

    @optional
    def collate(self, samples: list[Sample]) -> Any:
        """Returns a batch made of samples, nested like one, for what stacking can't do."""
        raise NotImplementedError

    # Leave the rest as it is.

    @property
    def parallel(self) -> Parallel:
        """The workers of this sequence, as (workers, use_multiprocessing, max_queue_size).

        With `workers="auto"`, those of now.
        """
        return self._settings.parallel if self._live is None else self._live.parallel

    @property
    def spec(self) -> tuple[Any, ...]:
        """A `Spec` for each leaf, nested like a sample: `(inputs, targets)`, say."""
        layout = self._layout()
        return layout.structure.unflatten(list(layout.specs))

    def batch_keys(self, index: int) -> pd.Index[Any]:
        """Returns the keys of batch `index` of the current epoch, in its order.

        Raises:
            IndexError: There is no such batch.
        """
        runtime = self._live or self._started()
        return self._keys[runtime.positions(self._clock.epoch, runtime.number_of(index))]

    def sample(self, position: int) -> Sample:
        """Returns one sample as `load_sample` gives it, by its position in `keys`.

        Raises:
            IndexError: There is no such sample.
            SampleError: It could not be loaded.
        """
        index = self._source_index(position)
        try:
            return self._loaded(index, None)
        except Exception as error:
            blame(error, self, "load_sample", index)

    def close(self) -> None:
        """Ends the workers. They start again when a batch is asked for."""
        live, self._live = self._live, None
        if live is not None:
            live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the engine asks for.

    def _layout(self) -> Layout:
        return (self._live or self._started()).layout(self)

    def _started(self) -> Runtime:
        with _starting, naming(self.called):
            if self._live is None:
                self._live = Runtime(
                    self._settings,
                    self.num_samples,
                    self._selection,
                    self.augments,
                    self.by_batch,
                    self.collates or self.augments_batches,
                )
            return self._live

    if not TYPE_CHECKING:  # Which would take any name for an attribute.

        def __getattr__(self, name):
            if name in _OWN:
                cls = type(self).__name__
                raise NotInitializedError(
                    "the base class was not initialized",
                    fix=f"call super().__init__(n_or_keys, **keywords) in {cls}.__init__, where "
                    "n_or_keys is the number of samples or their keys",
                ).at(cls=cls)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
