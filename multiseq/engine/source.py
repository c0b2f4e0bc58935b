"""What a loader needs of a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import SampleError
from ..order import Draw, Indices
from ..samples import Sample

if TYPE_CHECKING:
    from .job import Layout

__all__ = ["Source"]


class Source(Protocol):
    """What a loader needs of a sequence; the hooks are described at `MultiInputSequence`."""

    @property
    def called(self) -> str:
        """Its class, and its name if it has one."""

    @property
    def by_batch(self) -> bool:
        """Whether `load_batch` makes its batches: written, nothing random, no `collate`."""

    @property
    def collates(self) -> bool:
        """Whether `collate` is overridden."""

    def make_sample(self, index: int, draw: Draw | None) -> Sample:
        """`load_sample`, then `augment` where there is a draw."""

    def make_batch(self, indices: Indices) -> Any:
        """Several samples at once, by `load_batch`."""

    def collate(self, samples: list[Sample]) -> Any:
        """Samples into a batch."""

    def blended(self, batch: Any, indices: Indices, draw: Draw) -> Any:
        """What `augment_batch` makes of a batch."""

    def target_chunks(self, whole: bool) -> Iterator[Any] | None:
        """What iterates over the targets of samples, where they are known beforehand."""

    def one_hot_targets(self) -> Mapping[Any, bool]:
        """Whether targets are one-hot, by their names, of those where it is known."""

    @property
    def checks_weights(self) -> bool:
        """Whether sample weights are to be checked when they are loaded."""

    def locate(self, index: int) -> dict[str, Any]:
        """The class, key and position of a sample, for errors; in a worker class and index.

        That is preceded by the numbers of the parts that it is of, as in a path: "1/0/57".
        """

    def served_layout(self) -> Layout:
        """What the samples look like, as they are served."""

    def for_workers(self) -> Source:
        """A copy with all that loading needs, and no keys."""

    @property
    def on_error(self) -> Any:
        """Either "raise" or "substitute", or a function of the error that chooses."""

    def substitutes(self, index: int, epoch: int) -> Iterable[int]:
        """Samples to try in the place of one that cannot be loaded."""

    def note_substituted(self, substituted: Mapping[int, SampleError]) -> None:
        """Counts samples that others stand in for, and raises where there are too many."""
