"""Splits and shards of a sequence."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ..errors import ArgumentError, few, naming
from ..keys.choosing import disjoint_positions
from ..keys.hashing import hash_keys
from ..keys.labelled import Samples, per_sample
from ..keys.splitting import (
    split_classes,
    split_groups,
    split_groups_and_classes,
    split_hashed,
    split_positions,
    split_times,
)
from ..keys.times import as_times
from ..order import Indices
from .adapting import Adapting
from .families import Family, Scope

__all__ = ["Dividing"]

_log = logging.getLogger("multiseq")


class Dividing(Adapting):
    """The side of a sequence that divides its samples among parts and processes."""

    _hashed = 0  # How many splits by hash led here.
    _time_zone: Any = None  # Of `time_spans`, which is of UTC then; as `as_times` gives it.

    def split(
        self,
        *fractions: Any,
        groups: Any = None,
        stratify: Any = None,
        by_time: Any = None,
        hash: bool = False,
        positions: Any = None,
    ) -> tuple[Self, ...]:
        """Returns disjoint parts of the samples, drawn at random by the seed unless told otherwise.

        The first keeps shuffling, sampling and augmenting, and is what `adapt` learns from; the
        others are in source order and plain, without `drop_last`. What the whole has learned, it
        has learned from the others too, which is reported: the first part's `adapt` learns anew.

        What belongs to samples (groups, classes, times) is an array in source order, a Series
        or a dict by key, or the name of a level of the keys.

        Args:
            *fractions: Of each part, such as 0.8, 0.1, 0.1; what is left of 1 is in no part. With
                `by_time`, also the times at which parts after the first begin: "2020-01-01".
            groups: Such as patients: those of one group are all in one part. Fractions are those
                of samples, as nearly as the groups' sizes allow.
            stratify: Classes, which are as frequent in each part as in the whole. With `groups`
                too, as nearly as can be.
            by_time: The samples' times (dates, text in ISO 8601 or numbers), or True for those
                that the sequence knows by itself (`time_spans`). Parts are then in order of time:
                a sample belongs to a part if it begins and ends within. Those that a cut goes
                through belong to none, and are reported. Cuts are dates, text in ISO 8601 or
                numbers; one without a time zone is of the times' own.
            hash: Whether a sample's part depends on its key alone, or on its group: samples that
                are added later move none. Parts are of about the size asked for. The seed has no
                part in it.
            positions: Of the samples of each part, in place of fractions: (rows, held_out), say,
                as scikit-learn's `KFold` and its like yield them.

        Raises:
            ArgumentError: They are not fractions, a part would be empty, or two ways to divide
                exclude each other.
            AlignmentError: A sample has no group, class or time.
        """
        with naming(self.called):
            if positions is None:
                drawn = self._divided(fractions, groups, stratify, by_time, hash)
            else:
                _check_positions_alone(fractions, groups, stratify, by_time, hash)
                drawn = disjoint_positions(self.num_samples, positions)
            self._warn_of_taught("the other parts")
            return self._parts(drawn, hash)

    def _check_divides(self) -> None:
        """Raises ArgumentError where parts would share samples."""

    def _parts(
        self, drawn: Sequence[Indices], hash: bool = False, scope: Scope | None = None
    ) -> tuple[Self, ...]:
        self._check_divides()
        plain = {"shuffle": False, "sampler": None, "augmented": False, "drop_last": False}
        parts = [self._copy(rows, plain if part else None) for part, rows in enumerate(drawn)]
        family = Family(scope or self._family.scope)
        for number, part in enumerate(parts):
            part._hashed += hash
            part._family = family
            part._held_out = self._held_out or number > 0
        return tuple(parts)

    def shard(self, index: int, count: int) -> Self:
        """Returns this sequence's share of each batch, for one of several processes.

            >>> train = train.shard(*multiseq.current_shard())

        `batch_size` is that of all shards together: in a shard, batches are `count` times smaller.
        Whatever the number of shards, the same samples make up step i, so a run may go on with
        another number of processes. Every shard knows all samples (so that each learns the same in
        `adapt`), and serves its own. All shards need the same `seed`.

        All shards have as many batches, and batch i has as many rows in each: processes in step
        would else wait for one another forever. Where the last batch cannot be shared out evenly,
        the shards that lack a row are given one more of the epoch's first samples, `count - 1` at
        most (as torch's `DistributedSampler` has it). But for these the shares of an epoch are
        disjoint, and together they are the epoch. With `drop_last=True` none comes twice, and all
        batches are of one size, which a process with several devices of its own may need.

        What is repeated counts twice in a metric. For exact ones do not shard what is evaluated:
        let every process read it whole, or one alone. `predictions` reads it whole, always.

        Args:
            index: Of this shard, from 0.
            count: Number of shards.

        Raises:
            ArgumentError: There is no such shard, or `batch_size` is not a multiple of `count`.
        """
        with naming(self.called):
            if not 0 <= index < count:
                raise ArgumentError(
                    "there is no such shard",
                    got=f"shard({index}, {count})",
                    expected="an index from 0 to count - 1",
                )
            first, step = self._settings.share
            other = self._copy()
            other._settings = self._settings.sharing(first + step * index, step * count)
            return other

    def time_spans(self, indices: Indices) -> tuple[Any, Any] | None:
        """Returns the first and the last time of samples; None where they have no times.

        May be written by a subclass, for `split(..., by_time=True)`.

        Args:
            indices: Of the samples, as `load_sample` takes them, of shape (n,).

        Returns:
            Two arrays of shape (n,), of dates or of numbers. The last time still belongs to the
            sample.
        """
        return None

    def _divided(
        self, fractions: Sequence[Any], groups: Any, stratify: Any, by_time: Any, hash: bool
    ) -> list[Indices]:
        """Returns the positions of the samples in each part of a split."""
        ordered = by_time is not None and by_time is not False
        _check_ways(groups, stratify, ordered, hash)
        if ordered:
            return self._divided_by_time(fractions, by_time)
        if groups is None:
            self._warn_of_times("parts of a random split")
        seed = self._settings.seed
        grouped = None if groups is None else self._per_sample(groups, "groups")
        if hash:
            by = self.keys if grouped is None else grouped
            return split_hashed(hash_keys(by, self._hashed), fractions)
        if stratify is None:
            if grouped is None:
                return split_positions(self.num_samples, fractions, seed)
            return split_groups(grouped, fractions, seed)
        classes = self._per_sample(stratify, "stratify")
        if grouped is None:
            return split_classes(classes, fractions, seed)
        return split_groups_and_classes(grouped, classes, fractions, seed)

    def _divided_by_time(self, cuts: Sequence[Any], by_time: Any) -> list[Indices]:
        first, last, zone = self._spans(by_time)
        parts, crossed, at = split_times(first, last, cuts, zone)
        if len(crossed):
            _log.warning(
                "split left out %d samples that a cut goes through (at %s): %s",
                len(crossed),
                ", ".join(map(str, at)),
                few(self.keys[crossed]),
            )
        return parts

    def _spans(self, by_time: Any) -> tuple[Any, Any, Any]:
        """Returns the first and the last time of each sample, and their zone."""
        if by_time is not True:
            first, zone = as_times(self._per_sample(by_time, "by_time"), "by_time")
            return first, first, zone
        if times := self._times(self.source_indices(np.arange(self.num_samples))):
            return times
        raise ArgumentError(
            "this sequence does not know the times of its samples",
            fix="pass them: by_time=frame['time'], a Series with the samples' keys",
        )

    def _times(self, indices: Indices) -> tuple[Any, Any, Any] | None:
        """Returns `time_spans` as `as_times` gives them, and the zone that they came in."""
        import pandas as pd

        spans = self.time_spans(indices)
        if spans is None:
            return None
        both = pd.concat([pd.Series(each) for each in spans], ignore_index=True)
        times, zone = as_times(both, "time_spans")
        return *np.split(times, 2), self._time_zone or zone

    def _warn_of_times(self, parts: str) -> None:
        if self._is_timed:
            _log.warning(
                "%s: %s share times; by_time=True or groups= tells them apart", self.called, parts
            )

    @property
    def _is_timed(self) -> bool:
        return self.time_spans(self.source_indices(np.arange(1))) is not None

    def _per_sample(self, values: Any, name: str) -> Any:
        samples = Samples(self.keys) if isinstance(values, str) else self._as_samples()
        return per_sample(values, samples, name)


def _check_positions_alone(fractions: Sequence[Any], *ways: Any) -> None:
    if fractions or any(way is not None and way is not False for way in ways):
        raise ArgumentError(
            "a split by positions goes by nothing else",
            got="positions with fractions, groups, stratify, by_time or hash",
            expected="split(positions=(rows, held_out)) alone",
        )


def _check_ways(groups: Any, stratify: Any, ordered: bool, hash: bool) -> None:
    given = {"groups": groups is not None, "stratify": stratify is not None}
    given |= {"by_time": ordered, "hash": hash}
    ways = [name for name, is_given in given.items() if is_given]
    if len(ways) > 1 and ways not in (["groups", "stratify"], ["groups", "hash"]):
        raise ArgumentError(
            "a split cannot go by all of these at once",
            got=", ".join(ways),
            expected="one of them; or groups with stratify, or groups with hash",
        )
