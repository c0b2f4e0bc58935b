"""The keywords that every sequence takes, checked."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np

from .augmenting import Augmentation, as_augmentation, check_function
from .checks import check_count
from .errors import ArgumentError, MissingPackageError, SampleError, describe
from .order import Order, Sampler, draw_seed
from .samples import Sample

__all__ = ["AUTO", "BaseKeywords", "Keywords", "OtherKeywords", "Parallel", "Settings"]

AUTO = "auto"


class Keywords(TypedDict, total=False):
    """What `replace` takes, for type checkers."""

    batch_size: int
    shuffle: bool
    seed: int | None
    drop_last: bool
    sampler: Sampler | None
    workers: int | Literal["auto"]
    use_multiprocessing: bool
    cluster: str | None
    max_queue_size: int | None
    augment: Augmentation | None
    augment_batch: Callable[[Any, np.random.Generator], Any] | None
    augmented: bool
    on_error: str | Callable[[SampleError], bool]
    max_errors: int
    timeout: float | None
    class_weight: Mapping[Any, Any] | str | None
    name: str | None


class OtherKeywords(Keywords, total=False):
    """The keywords of `MultiInputSequence` but `transforms`, which some classes say more of."""

    spec: Any
    missing: Any
    map: Callable[[Sample], Sample] | None


class BaseKeywords(OtherKeywords, total=False):
    """The keywords of `MultiInputSequence`, for type checkers of what passes them on."""

    transforms: Any


class Parallel(NamedTuple):
    """How a sequence loads, as its user set it.

    Keras is told 1 and False, so that its own workers stay out.
    """

    workers: int
    use_multiprocessing: bool
    max_queue_size: int


@dataclass(frozen=True)
class Settings:
    """The keywords of `MultiInputSequence`, described there.

    Args:
        share: (index, count): this sequence's share of each batch; see `shard`.

    Raises:
        ArgumentError: One of them is not what it should be.
    """

    batch_size: int = 32
    shuffle: bool = False
    seed: Any = None
    drop_last: bool = False
    sampler: Sampler | None = None
    workers: int | str = 0
    use_multiprocessing: bool = False
    cluster: str | None = None
    max_queue_size: int | None = None
    augment: Any = None
    augment_batch: Any = None
    augmented: bool = True
    on_error: Any = "raise"
    max_errors: int = 100
    timeout: float | None = None
    class_weight: Any = None
    name: str | None = None
    share: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        self._set("batch_size", check_count("batch_size", self.batch_size, 1, "such as 32"))
        self._check_workers()
        if self.max_queue_size is not None:
            self._set("max_queue_size", check_count("max_queue_size", self.max_queue_size, 1))
        self._set("seed", draw_seed(self.seed))
        if self.augment is not None:
            self._set("augment", as_augmentation(self.augment))
        if self.augment_batch is not None:
            check_function("augment_batch", self.augment_batch, ("batch", "rng"))
        for name in ("shuffle", "drop_last", "use_multiprocessing", "augmented"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ArgumentError(
                    f"{name} is not a boolean",
                    got=describe(getattr(self, name)),
                    expected="True or False",
                )
        if self.sampler is not None and not callable(self.sampler):
            raise ArgumentError(
                "sampler cannot be called",
                got=self.sampler,
                expected="a function of (seed, epoch) that returns positions of samples",
            )
        if self.sampler is not None and self.shuffle:
            raise ArgumentError(
                "sampler and shuffle were both given",
                fix="leave shuffle out, shuffle=False: the sampler decides the order; or leave out "
                "sampler, sampler=None",
            )
        self._check_batches()
        if self.cluster is not None:
            self._check_cluster()
        if self.on_error not in ("raise", "substitute") and not callable(self.on_error):
            raise ArgumentError(
                "bad on_error",
                got=self.on_error,
                expected='"raise", "substitute", or a function of the error',
            )
        self._set("max_errors", check_count("max_errors", self.max_errors, 0))
        if self.timeout is not None and not self.timeout > 0:
            raise ArgumentError(
                "bad timeout", got=self.timeout, expected="seconds above 0, or None"
            )

    def _check_workers(self) -> None:
        if self.workers != AUTO:
            self._set("workers", check_count("workers", self.workers, 0, 'such as 2, or "auto"'))
        elif self.use_multiprocessing or self.cluster is not None:
            other = "use_multiprocessing" if self.use_multiprocessing else "cluster"
            plain = f"{other}={False if self.use_multiprocessing else None}"
            raise ArgumentError(
                f'workers="auto" and {other} were both given',
                fix=f'leave out {other}, {plain}: "auto" chooses between threads and processes of '
                "this machine; or say how many workers, such as workers=2",
            )

    def _check_batches(self) -> None:
        own_size = getattr(self.sampler, "batch_size", None)
        if own_size is not None and own_size != self.batch_size:
            raise ArgumentError(
                "the sampler makes batches of another size",
                got=f"batch_size={self.batch_size}, and {own_size} of the sampler",
                fix="give both the same batch_size",
            )
        if self.batch_size % self.share[1]:
            raise ArgumentError(
                "a batch cannot be shared out evenly",
                got=f"batch_size={self.batch_size} among {self.share[1]} shards",
                fix="use a batch_size that is a multiple: it is that of all shards together",
            )

    def _check_cluster(self) -> None:
        if self.cluster != "ray":
            raise ArgumentError("bad cluster", got=self.cluster, expected='"ray", or None')
        if self.use_multiprocessing:
            raise ArgumentError(
                "cluster and use_multiprocessing were both given",
                fix="leave out use_multiprocessing for workers on the cluster; or leave out "
                "cluster, cluster=None, for processes of this machine",
            )
        if not self.workers:
            raise ArgumentError(
                "cluster was given, and no workers",
                got="workers=0",
                fix="say how many batches may be loaded at once, such as workers=8; or leave out "
                "cluster, cluster=None, to load in this process",
            )
        if importlib.util.find_spec("ray") is None:
            raise MissingPackageError(
                "loading on a cluster needs Ray, which is not installed",
                fix='pip install "multiseq[ray]"',
            )

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def replace(self, changes: Mapping[str, Any]) -> Settings:
        """Returns settings with some of the keywords changed.

        Raises:
            ArgumentError: There is no such keyword, or its value is no good.
        """
        known = [field.name for field in dataclasses.fields(self) if field.name != "share"]
        if unknown := changes.keys() - known:
            raise ArgumentError(
                f"there is no keyword {', '.join(sorted(unknown))}",
                expected="any of " + ", ".join(known),
            )
        return dataclasses.replace(self, **changes)

    def sharing(self, index: int, count: int) -> Settings:
        """Returns settings for one of several shares of each batch."""
        return dataclasses.replace(self, share=(index, count))

    @property
    def rows(self) -> int:
        """Samples in a batch as it is served: `batch_size`, or a shard's share of it."""
        return self.batch_size // self.share[1]

    def order(self, n: int, epoch: int) -> Order:
        """Returns the order of n samples in an epoch."""
        return Order(n, self.seed, epoch, self.shuffle, self.sampler, self.share, self.drop_last)

    def num_batches(self, samples: int) -> int:
        """How many batches so many samples make.

        Raises:
            ArgumentError: None, since `drop_last` leaves out the only one.
        """
        batches = samples // self.rows if self.drop_last else -(-samples // self.rows)
        if not samples:
            raise ArgumentError("the sampler returned no positions", expected="at least one")
        if not batches:
            raise ArgumentError(
                "there is no batch: drop_last leaves out the only one",
                got=f"{samples} samples, batch_size={self.rows}",
                fix="use a smaller batch_size, or drop_last=False",
            )
        return batches

    def by(self, workers: int, use_multiprocessing: bool) -> Settings:
        """Returns settings with other workers."""
        return dataclasses.replace(self, workers=workers, use_multiprocessing=use_multiprocessing)

    @property
    def engine(self) -> str:
        """Who loads: "serial", "threads", "processes" or "ray"."""
        if not self.workers:
            return "serial"
        if self.cluster is not None:
            return self.cluster
        return "processes" if self.use_multiprocessing else "threads"

    @property
    def parallel(self) -> Parallel:
        """Workers and the depth of the queue; before "auto" chooses, no workers."""
        workers = 0 if isinstance(self.workers, str) else self.workers
        depth = workers + 2 if self.max_queue_size is None else self.max_queue_size
        return Parallel(workers, self.use_multiprocessing, depth)
