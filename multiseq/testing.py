"""`check_sequence`: the contract of `MultiInputSequence` as one call, for any subclass."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from .engine.job import Job, OneByOne
from .errors import MultiseqError, SampleError
from .filling import FilledMember
from .join import JoinedSequence
from .keys.kinds import locate
from .members import Member, SequenceMember
from .memory import ALIGNMENT
from .order import Draw
from .samples import Spec, outline
from .sequence import MultiInputSequence

__all__ = ["ContractError", "check_sequence"]


class ContractError(MultiseqError, AssertionError):
    """A sequence breaks the contract of `MultiInputSequence`."""


def check_sequence(seq: MultiInputSequence, *, epochs: int = 2) -> None:
    """Checks that a sequence keeps the contract; call it in the tests of your own subclass.

    Checked: `seq[i]` has the same bytes whenever it is asked for, in any order; every sample
    comes once an epoch (unless a sampler decides, or `drop_last` leaves some out), under its own
    key; batches have the dtypes and shapes of `seq.spec`, in aligned memory; the sequence can be
    pickled, and its copy, threads and `load_batch` give the same bytes as loading one by one.

    Args:
        seq: The sequence. Its epoch is the same afterwards. Every sample is loaded some five times.
        epochs: How many epochs to look at.

    Raises:
        ContractError: The contract is broken; it says how.
        SampleError: A sample could not be loaded.
    """
    began = seq.epoch
    try:
        for epoch in range(began, began + epochs):
            seq.set_epoch(epoch)
            batches = [seq[i] for i in range(len(seq))]
            _check_order(seq)
            for index, batch in enumerate(batches):
                _check_batch(seq, index, batch)
            _check_same(seq, batches, reversed(range(len(seq))), "asked for in reverse order")
            with _copy(seq) as other:
                _check_same(other, batches, range(len(seq)), "after pickling")
            with seq.replace(workers=3) as other:
                other.set_epoch(epoch)
                _check_same(other, batches, range(len(seq)), "loaded by threads")
                _check_at_once(other, batches)
            _check_one_by_one(seq, batches)
        _check_alignment(seq)
    finally:
        seq.set_epoch(began)


def _check_order(seq: MultiInputSequence) -> None:
    """Every key comes once, and the last batch is there."""
    keys = [seq.batch_keys(i) for i in range(len(seq))]
    served = keys[0].append(keys[1:])
    if not served.isin(seq.keys).all():
        raise _broken(seq, "a batch holds a key that the sequence does not have")
    settings = seq._settings
    if settings.sampler is None and served.has_duplicates:
        raise _broken(seq, "a sample comes twice in an epoch")
    expected = -(-seq.num_samples // settings.share[1])
    if settings.sampler is None and not settings.drop_last and len(served) != expected:
        raise _broken(seq, "not every sample comes in an epoch", len(served), expected)


def _check_batch(seq: MultiInputSequence, index: int, batch: Any) -> None:
    rows = len(seq.batch_keys(index))
    if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
        raise _broken(seq, f"batch {index} is no tuple of 1 to 3", outline(batch))
    specs = dict(_leaves(seq.spec))
    completed = seq._layout().weighting is not None
    for name, leaf in _leaves(batch):
        if not isinstance(leaf, np.ndarray) or len(leaf) != rows:
            raise _broken(seq, f"{name} of batch {index} has no row for each sample", leaf, rows)
        string = leaf.dtype.kind in "UST"
        if not string and leaf.__array_interface__["data"][0] % ALIGNMENT:
            raise _broken(seq, f"{name} of batch {index} is not aligned", leaf)
        spec = specs.get(name)
        if completed and name.startswith("sample_weight"):
            continue  # They have the axes of the targets.
        if spec is not None and not _fits(leaf, spec):
            raise _broken(seq, f"{name} of batch {index} does not fit its spec", leaf, str(spec))


def _fits(leaf: np.ndarray[Any, Any], spec: Spec) -> bool:
    kind_only = leaf.dtype.kind in "US"
    dtype = np.dtype(spec.dtype)
    same = leaf.dtype.kind == dtype.kind if kind_only else leaf.dtype == dtype
    shape = spec.batch_shape
    return (
        same
        and leaf.ndim == 1 + len(shape)
        and all(
            want is None or want == got for want, got in zip(shape, leaf.shape[1:], strict=True)
        )
    )


def _check_same(seq: MultiInputSequence, batches: list[Any], order: Any, how: str) -> None:
    for index in order:
        found = list(_leaves(seq[index]))
        for (name, was), (other, now) in itertools.zip_longest(
            _leaves(batches[index]), found, fillvalue=("", None)
        ):
            if name != other or not _identical(was, now):
                raise _broken(
                    seq,
                    f"batch {index} differs in {name or other} when {how}",
                    now,
                    was,
                    "load_sample must depend on its index alone: no random numbers, no state",
                )


def _check_at_once(seq: MultiInputSequence, batches: list[Any]) -> None:
    """Random access from several threads at once."""
    errors: list[BaseException] = []

    def read(order: list[int]) -> None:
        try:
            _check_same(seq, batches, order, "asked for by several threads at once")
        except BaseException as error:
            errors.append(error)

    orders = [np.random.default_rng(n).permutation(len(batches)).tolist() for n in range(3)]
    threads = [threading.Thread(target=read, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class _Copied(OneByOne):
    """Loads one by one, and takes copies: a buffer that is filled again shows."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self.on_error = source.on_error

    def make_sample(self, index: int, draw: Draw | None) -> Any:
        return copy.deepcopy(self.source.make_sample(index, draw))


def _check_one_by_one(seq: MultiInputSequence, batches: list[Any]) -> None:
    """Batches hold what `load_sample` returns, also where `load_batch` makes them."""
    if seq.collates:
        return
    who = "load_batch" if seq.by_batch else "a batch"
    runtime = seq._started()
    draw = Draw(seq._settings.seed, seq.epoch) if seq.augments else None
    for index, batch in enumerate(batches):
        indices = seq.source_indices(runtime.positions(seq.epoch, index))
        alone = Job(_Copied(seq), runtime.layout(seq), indices, draw, seq.epoch).run()
        for (name, was), (_, now) in zip(_leaves(alone), _leaves(batch), strict=True):
            if not _identical(was, now):
                raise _broken(
                    seq,
                    f"{who} and load_sample differ in {name} of batch {index}",
                    now,
                    was,
                    "return new arrays each time, and the same values from both",
                )


def _check_alignment(seq: MultiInputSequence) -> None:
    """Every part of a join gives the sample of the join's key."""
    if not isinstance(seq, JoinedSequence):
        return
    structure, origins = seq._plan
    if seq._leaves_out_targets:
        structure = structure.of_inputs()
    keys = seq.batch_keys(len(seq) - 1)
    for key in (keys[[row]] for row in range(len(keys))):
        try:
            joined = structure.flatten(seq.sample(_position(seq, key)))
        except SampleError:
            if seq.on_error == "raise":
                raise
            continue  # Another sample stands in for it.
        for name, leaf, origin in zip(structure.names, joined, origins, strict=False):
            expected = _expected(seq._members[origin.member], origin.number, key)
            if expected is not None and not _equal(leaf, expected):
                raise _broken(
                    seq, f"{name} of key {key[0]!r} is not what its part has for that key"
                )


def _expected(member: Member, number: int, key: pd.Index[Any]) -> Any:
    """Returns what a member of a join has for a key; None where it goes by row."""
    if isinstance(member, FilledMember):
        has = _position(member.member.sequence, key) >= 0
        if number == len(member.structure):
            return float(has)
        if not has:
            fill = member.fills[number]
            return fill and fill.value
        member = member.member
    if not isinstance(member, SequenceMember):
        return None
    part = member.sequence
    sample = part.make_sample(part._source_index(_position(part, key)), None)
    return member.structure.flatten(sample)[number]


def _position(seq: MultiInputSequence, key: pd.Index[Any]) -> int:
    return int(locate(seq.keys, key, seq.called, "the join")[0])


def _equal(leaf: Any, expected: Any) -> bool:
    if np.array_equal(leaf, expected):
        return True
    floats = np.asarray(leaf).dtype.kind == "f"  # Which may be filled with NaN.
    return floats and np.array_equal(leaf, expected, equal_nan=True)


def _copy(seq: MultiInputSequence) -> MultiInputSequence:
    try:
        copied: MultiInputSequence = cloudpickle.loads(cloudpickle.dumps(seq))
    except Exception as error:
        raise _broken(
            seq,
            f"it cannot be pickled: {error}",
            fix="open files and connections in load_sample, not in __init__",
        ) from error
    return copied


def _identical(was: Any, now: Any) -> bool:
    return (
        isinstance(now, np.ndarray)
        and was.shape == now.shape
        and was.dtype == now.dtype
        and was.tobytes() == now.tobytes()
    )


def _leaves(nested: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the name and value of each leaf of a batch or a spec."""
    if isinstance(nested, dict):
        for key, value in nested.items():
            yield from _leaves(value, f"{name}[{key!r}]")
    elif isinstance(nested, tuple):
        for number, value in enumerate(nested):
            part = ("inputs", "targets", "sample_weight")[number] if not name else ""
            yield from _leaves(value, part or f"{name}[{number}]")
    else:
        yield name, nested


def _broken(
    seq: MultiInputSequence, what: str, got: Any = "", expected: Any = None, fix: str | None = None
) -> ContractError:
    details = {"got": got} if isinstance(got, np.ndarray) or got != "" else {}
    return ContractError(what, **details, expected=expected, fix=fix).at(cls=seq.called)
