"""What a sequence builds when it is first used, and drops when it is copied, pickled or forked."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, MultiseqError, naming
from ..order import Draw, Indices, Order
from ..settings import AUTO, Parallel, Settings
from .ahead import Depth, ReadAhead
from .auto import AutoReader, batches_in_memory
from .exit import ctrl_c, in_flight
from .forecast import Forecast
from .interfaces import Reader, Stats
from .job import Job, Layout, Source
from .layout import check_targets
from .loaders import new_loader
from .search import Limits, processors
from .serial import SerialReader

__all__ = ["Runtime"]

_BULK = 1 << 17
_MOST_AT_ONCE = 16
_KEPT_ORDERS = 3


class Runtime:
    """Order, workers and batches read ahead.

    The order needs settings alone. What samples look like is asked, and workers are started, when
    the first batch is wanted: until then nothing is loaded.

    Args:
        settings: Of the sequence.
        n: Number of its samples.
        selection: The index that `load_sample` takes for each position; None for the same.
        augments: Whether there is something random in its samples.
        by_batch: Whether its `load_batch` is used.
        collates: Whether its `collate` or `augment_batch` makes a batch, which may depend on all
            samples in it.
    """

    def __init__(
        self,
        settings: Settings,
        n: int,
        selection: Indices | None,
        augments: bool,
        by_batch: bool,
        collates: bool,
    ) -> None:
        self._by_batch = by_batch
        self._settings, self._n, self._selection = settings, n, selection
        self._augments, self._batch_size = augments, settings.rows
        # Several batches together would be collated, counted or timed as one.
        mends, hurries = settings.on_error != "raise", settings.timeout is not None
        self._alone = collates or mends or hurries
        self._reorders = settings.shuffle or settings.sampler is not None
        self._orders: dict[int, Order] = {}
        self.num_batches = settings.num_batches(len(self.order(0)))
        self.forecast = Forecast(self.num_batches)
        self._reader: Reader | None = None
        self._layout: Layout | None = None
        self._closed, self._lock = False, threading.RLock()

    def order(self, epoch: int) -> Order:
        """Returns the order of an epoch; that of the last few epochs is kept."""
        if not self._reorders:
            epoch = 0
        order = self._orders.get(epoch)
        if order is None:
            order = self._settings.order(self._n, epoch)
            if self._orders and len(order) != len(next(iter(self._orders.values()))):
                raise ArgumentError(
                    "the sampler returned more or fewer samples than in another epoch",
                    got=f"{len(order)} positions in epoch {epoch}",
                    expected="the same number in every epoch",
                )
            self._orders[epoch] = order
            while len(self._orders) > _KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)), None)
        return order

    def positions(self, epoch: int, batch: int) -> Indices:
        """Returns the positions of the samples in a batch."""
        order, start = self.order(epoch), batch * self._batch_size
        return order.slice(start, min(start + self._batch_size, order.length))

    def size(self, batch: int) -> int:
        """Returns how many samples there are in a batch."""
        return min(self._batch_size, self.order(0).length - batch * self._batch_size)

    def batch(self, source: Source, epoch: int, batch: int) -> tuple[Any, ...]:
        """Returns a batch, as soon as it is loaded."""
        began = time.perf_counter()
        try:
            reader = self._reader or self._begun(source)
            loaded = reader.get(source, epoch, batch, self.job)
            reader.stats.wait_seconds += time.perf_counter() - began
            return loaded
        except MultiseqError as error:
            error.at(cls=source.called)
            raise

    def number_of(self, index: int) -> int:
        """Returns the number of a batch from 0 on; negative ones are counted from the end.

        Raises:
            IndexError: There is no such batch.
        """
        index = operator.index(index)
        if not -self.num_batches <= index < self.num_batches:
            raise IndexError(f"there are batches 0 to {self.num_batches - 1}, not {index}")
        return index % self.num_batches

    def signature(self, source: Source, epoch: int, batch: int) -> tuple[Any, ...]:
        """Returns one of the two batches from which Keras on TensorFlow takes its signature.

        It takes an axis to be of any length where the two batches differ. So variable axes are
        padded to an even length in one of them, and to an odd length in the other.
        """
        job = self.job(source, epoch, [batch % self.num_batches])
        job.parity = batch % 2
        ctrl_c.watch()
        with in_flight:  # Nobody learns from it: what is substituted here is not counted.
            return job.layout.batches(job.run_leaves(), 1)[0]

    @property
    def stats(self) -> Stats:
        """What came of reading ahead."""
        return Stats() if self._reader is None else self._reader.stats

    @property
    def parallel(self) -> Parallel:
        """Who loads: as it was set, or as it was chosen so far."""
        if isinstance(self._reader, AutoReader):
            return self._settings.by(*self._reader.choice).parallel
        return self._settings.parallel

    def layout(self, source: Source) -> Layout:
        """Returns what the samples look like; it is found out once."""
        if self._layout is None:
            with self._lock, naming(source.called):
                if self._layout is None:
                    layout = source.served_layout()
                    check_targets(layout.structure, layout.specs)
                    self._layout = layout
        return self._layout

    def close(self) -> None:
        """Ends the workers."""
        with self._lock:
            self._closed = True
            if self._reader is not None:
                self._reader.close()

    def _begun(self, source: Source) -> Reader:
        """Returns what reads batches, with its workers started."""
        layout = self.layout(source)
        with self._lock:
            if self._reader is None:
                self._reader = self._new_reader(layout)
                if self._closed:  # By another thread meanwhile: it loads by itself.
                    self._reader.close()
            return self._reader

    def job(self, source: Source, epoch: int, batches: Sequence[int]) -> Job:
        """Returns the job of some batches of an epoch."""
        if len(batches) == 1:
            indices = self.positions(epoch, batches[0])
        else:
            indices = self._positions_of_full(epoch, batches)
        if self._selection is not None:
            indices = self._selection[indices]
        draw = Draw(self._settings.seed, epoch) if self._augments else None
        return Job(source, self.layout(source), indices, draw, epoch, len(batches))

    def _positions_of_full(self, epoch: int, batches: Sequence[int]) -> Indices:
        """Returns the positions of the samples in several batches, none of them the last."""
        order, size, first = self.order(epoch), self._batch_size, batches[0]
        if all(batch == first + k for k, batch in enumerate(batches)):
            return order.slice(first * size, (first + len(batches)) * size)
        # All at once: batches in Keras' order lie far apart.
        return order.at((size * np.asarray(batches)[:, None] + np.arange(size)).ravel())

    def _new_reader(self, layout: Layout) -> Reader:
        if self._settings.workers != AUTO:
            return self._reader_by(self._settings, layout)
        held = batches_in_memory(layout.memory.size(self._batch_size))
        return AutoReader(
            lambda choice: self._reader_by(self._settings.by(*choice), layout),
            Limits(processors(), held),
        )

    def _reader_by(self, settings: Settings, layout: Layout) -> Reader:
        size, full = self._batch_size, len(self.order(0)) // self._batch_size
        most = min(layout.batches_within(_BULK, size), _MOST_AT_ONCE)
        loader = new_loader(settings)
        if loader is None:
            together = self._by_batch and not self._alone
            return SerialReader(self.forecast, most if together else 1, full)
        workers, _, depth = settings.parallel
        jobs = min(workers + 2, depth)
        if settings.max_queue_size is not None:
            most = min(most, depth // jobs)
        mends = settings.on_error != "raise"
        epochs_differ = self._reorders or self._augments or mends
        limits = Depth(depth, jobs, 1 if self._alone else most, full)
        return ReadAhead(loader, self.forecast, limits, epochs_differ)
