"""What a sequence learns from its own samples."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from ..engine.job import Source, blame
from ..errors import ArgumentError, SampleError, naming
from ..order import Indices
from ..transforms import Exchange, Transform, afresh, distinct, learn, learn_rows
from .families import Family
from .views import Views, alive

__all__ = ["Adapting"]

_log = logging.getLogger("multiseq")
_SHOWN = 5


class Adapting(Views):
    """The side of a sequence that learns transforms, and shares them with its parts."""

    def close(self) -> None:
        """Ends the workers; a subclass does it."""
        raise NotImplementedError

    def adapt(self, progress: bool = True) -> None:
        """Learns this sequence's transforms from its own samples: call it on the training split.

        The parts of a split share their transforms, so validation and test use what was learned
        from training: batches that they read ahead before are dropped. Nobody else is fed
        something new: a subset, and whoever learns what another sequence has learned already,
        learns copies, which its own `transforms` shows. An object that serves several inputs
        learns from all of them. A sequence without such transforms learns nothing.

        Args:
            progress: Whether to show a progress bar.

        Raises:
            ArgumentError: This is a part of a split other than the first: held out, so that nothing
                is learned from it. Or transforms that must be copied are not found among the
                attributes of a sequence of your own.
            SampleError: A sample could not be loaded, or cannot be learned from. Where `on_error`
                substitutes samples, those that cannot be loaded are left out.
        """
        if self._held_out:
            raise ArgumentError(
                "validation and test are not to be learned from",
                got="a part of a split that is not the first",
                fix="call adapt() on the first part: the others share what it learns",
            ).at(cls=self.called)
        self.close()
        try:
            self._make_own()
            with naming(self.called), afresh(self._learners()):
                indices = self.source_indices(np.arange(self.num_samples))
                self.learn_transforms(indices, "adapt" if progress else None)
        finally:
            learned = set(map(id, self._distinct()))
            for other in _sequences():
                if learned & set(map(id, other._distinct())):
                    other.close()

    def _make_own(self) -> None:
        """Puts copies in the place of transforms that others are fed by, and keeps them."""
        family = self._family
        if family.scope.borrows:
            self._exchange(self._distinct(), lambda other: other.scope is family.scope)
            family.scope.borrows = False
        elif taken := family.lacks(self._distinct()):
            _log.warning(
                "%s: another sequence has learned %s, and keeps it: copies learn here; see "
                ".transforms",
                self.called,
                ", ".join(map(repr, taken)),
            )
            self._exchange(taken, lambda other: other is family)
        family.claim(self._distinct())

    def _exchange(self, transforms: list[Transform], shared: Callable[[Family], bool]) -> None:
        """Puts copies in their place, in each sequence whose family shares them."""
        exchange = Exchange(transforms)
        trial = copy.copy(self)
        exchange.apply(trial)
        if exchange.misses(trial._distinct()):
            raise ArgumentError(
                "adapt() would change what other sequences are fed",
                got="transforms that are not attributes of the sequence",
                expected="copies of them to learn",
                fix="keep each at an attribute (self.scale = Standardize()), and return it from "
                "`transforms` and use it in `load_sample` from there",
            ).at(cls=self.called)
        for other in _sequences():
            if shared(other._family):
                exchange.apply(other)

    def learn_transforms(self, indices: Indices, progress: str | None) -> None:
        """Gives the transforms what they learn from; `adapt` calls it, once they are reset.

        That is `raw_rows` or `raw` of the samples. Written where it is something else, such as
        rows of which each is part of many samples, or where the transforms are those of parts.

        Args:
            indices: Of the samples to learn from, as `load_sample` takes them.
            progress: What a progress bar is called; None for no bar.
        """
        if type(self).raw_rows is not Adapting.raw_rows:
            with naming(self.called):
                learn_rows(self.transforms, self.raw_rows, indices, progress)
            return
        lost: dict[int, SampleError] = {}

        def raw(index: int) -> Mapping[str, Any] | None:
            try:
                return self.raw(index)
            except Exception as error:
                lost[index] = self._tolerated(error, index)
                return None

        learn(self.transforms, raw, indices.tolist(), progress)
        if lost:
            _log.warning(
                "%s: nothing was learned from %d samples that could not be loaded: %s",
                self.called,
                len(lost),
                ", ".join(self.locate(index)["key"] for index in list(lost)[:_SHOWN]),
            )

    def _tolerated(self, error: Exception, index: int) -> SampleError:
        """Returns the error of a sample that another one may stand in for; raises any other."""
        try:
            blame(error, cast(Source, self), "raw", index)
        except SampleError as located:
            wanted = self._settings.on_error
            if wanted == "substitute" or (callable(wanted) and wanted(located)):
                return located
            raise

    def _learners(self) -> list[tuple[Any, Transform]]:
        """The transforms of this sequence and of its parts, each with the name of an input."""
        return list(self.transforms.items())

    def _distinct(self) -> list[Transform]:
        return distinct(transform for _, transform in self._learners())

    @property
    def transforms(self) -> Mapping[str, Any]:
        """What is learned from the training split, by the name of the input it is applied to."""
        return {}

    @property
    def _of_inputs(self) -> set[Any]:
        """The names of those transforms that make inputs, not targets."""
        return set(self.transforms)

    def raw(self, index: int) -> Mapping[str, Any]:
        """Returns the values of one sample that its transforms are applied to, by their names."""
        raise NotImplementedError

    def raw_rows(self, indices: Indices) -> Mapping[str, Any]:
        """The same of several samples, each value with a leading axis of samples.

        Written where they are at hand together; `raw` need not be written then.

        Args:
            indices: As `load_sample` takes them.
        """
        raise NotImplementedError


def _sequences() -> list[Adapting]:
    """Those that are whole: one whose constructor failed may live on in an error's traceback."""
    return [each for each in alive() if isinstance(each, Adapting) and each._made]
