"""What a sequence learns from its own samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..order import Indices
from ..transforms import learn
from .views import Views, started

__all__ = ["Adapting"]


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
            SampleError: A sample could not be loaded, or cannot be learned from.
        """
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
        learn(self.transforms, self.raw, indices.tolist(), progress)

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
