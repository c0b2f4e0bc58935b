"""What a sequence learns from its own samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ..engine.job import Source, blame
from ..errors import ArgumentError, SampleError
from ..order import Indices
from ..transforms import learn
from .views import Views, started

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
        from training: batches that they read ahead before are dropped. A sequence without such
        transforms learns nothing.

        Args:
            progress: Whether to show a progress bar.

        Raises:
            ArgumentError: This is a part of a split other than the first: held out, so that nothing
                is learned from it.
            SampleError: A sample could not be loaded, or cannot be learned from. Where `on_error`
                substitutes samples, those that cannot be loaded are left out.
        """
        if self._held_out:
            raise ArgumentError(
                "validation and test are not to be learned from",
                got="a part of a split that is not the first",
                fix="call adapt() on the first part: the others share what it learns",
            ).at(cls=type(self).__name__)
        self.close()
        try:
            self._learn(self.source_indices(np.arange(self.num_samples)), progress)
        finally:
            self.close()
            learned = set(map(id, self._learners()))
            for other in started():
                if isinstance(other, Adapting) and learned & set(map(id, other._learners())):
                    other.close()

    def _learn(self, indices: Indices, progress: bool) -> None:
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
                type(self).__name__,
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

    def _learners(self) -> list[Any]:
        """The transforms of this sequence, and of its parts."""
        return list(self.transforms.values())

    @property
    def transforms(self) -> Mapping[str, Any]:
        """What is learned from the training split, by the name of the input it is applied to."""
        return {}

    def raw(self, index: int) -> Mapping[str, Any]:
        """Returns the values of one sample that its transforms are applied to, by their names."""
        raise NotImplementedError
