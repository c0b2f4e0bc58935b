"""Memory for batches, at addresses from which Keras need not copy it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ALIGNMENT", "BatchMemory", "aligned_empty", "is_batch", "placed", "put", "views"]

Array = npt.NDArray[Any]

ALIGNMENT = 64
"""Bytes. TensorFlow (EIGEN_MAX_ALIGN_BYTES) and JAX take arrays at such addresses without a copy;
NumPy's own large arrays sit 16 bytes behind one."""

_BLOCK = 1 << 18
_LARGE = _BLOCK // 4


class _Block(np.ndarray[Any, Any]):
    """Memory that batches are cut from; the class tells it from a user's memory."""


def _new_block(size: int) -> tuple[_Block, int]:
    """Returns a block with at least `size` bytes behind the aligned offset it comes with."""
    block = _Block((size + ALIGNMENT - 1,), np.uint8)
    return block, -block.__array_interface__["data"][0] % ALIGNMENT


class _Arena(threading.local):
    """Cuts small arrays from one block in turn.

    Finding an aligned address costs a microsecond each time. A block lives until the last array
    that was cut from it is gone.
    """

    def __init__(self) -> None:
        self.block, self.free = _new_block(_BLOCK)

    def cut(self, size: int) -> tuple[_Block, int]:
        offset = self.free
        if offset + size > self.block.size:
            self.block, offset = _new_block(_BLOCK)
        self.free = offset + -(-size // ALIGNMENT) * ALIGNMENT
        return self.block, offset


_arena = _Arena()


def aligned_empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Returns an uninitialized C-contiguous array at a 64-byte-aligned address.

    A `load_batch` that returns such an array, whole and of the spec's dtype, hands it to Keras
    without a copy.

    Args:
        shape: Shape, with the batch axis.
        dtype: Any dtype without objects.
    """
    dtype = np.dtype(dtype)
    size = dtype.itemsize * math.prod(shape)
    block, offset = _new_block(size) if size > _LARGE else _arena.cut(size)
    return np.ndarray(shape, dtype, block, offset)


class BatchMemory:
    """Makes the arrays of a batch, in one piece of aligned memory.

    Args:
        kinds: Shape of a row and dtype, for each array.
    """

    def __init__(self, kinds: Sequence[tuple[Any, Any]]) -> None:
        self._leaf_kinds = [(tuple(shape), np.dtype(dtype)) for shape, dtype in kinds]
        self._plans: dict[int, tuple[int, list[Any]]] = {}

    def arrays(self, n: int) -> list[Array]:
        """Returns uninitialized arrays of n rows."""
        size, parts = self._plans.get(n) or self._plan(n)
        block, start = _new_block(size) if size > _LARGE else _arena.cut(size)
        return [np.ndarray(shape, dtype, block, start + at) for shape, dtype, at in parts]

    def arrays_in(self, memory: Array, start: int, n: int) -> list[Array]:
        """Returns arrays of n rows that look into `memory`, from an aligned `start` on."""
        _, parts = self._plans.get(n) or self._plan(n)
        return [np.ndarray(shape, dtype, memory, start + at) for shape, dtype, at in parts]

    def size(self, n: int) -> int:
        """Returns the bytes that the arrays of n rows take."""
        return (self._plans.get(n) or self._plan(n))[0]

    def _plan(self, n: int) -> tuple[int, list[Any]]:
        parts, at = [], 0
        for shape, dtype in self._leaf_kinds:
            parts.append(((n, *shape), dtype, at))
            at += -(-n * math.prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        self._plans[n] = at, parts
        return at, parts


def is_batch(array: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether this is a batch as Keras takes it, in memory of `aligned_empty`."""
    return (
        array.__class__ is np.ndarray
        and array.base.__class__ is _Block
        and array.shape == shape
        and array.dtype is dtype
        and array.flags.c_contiguous
    )


def placed(leaves: Sequence[Array], at: int) -> tuple[list[Any], int]:
    """Returns offset, shape and dtype of each leaf in one piece of memory, and the size of that.

    An array of strings of variable width, whose texts are elsewhere, stands for itself instead.

    Args:
        leaves: The arrays of a batch.
        at: An aligned offset to begin at.
    """
    places: list[Any] = []
    for leaf in leaves:
        if leaf.dtype.kind == "T":
            places.append(leaf)
        else:
            places.append((at, leaf.shape, leaf.dtype.str))
            at = -(-(at + leaf.nbytes) // ALIGNMENT) * ALIGNMENT
    return places, at


def views(places: Sequence[Any], memory: Array) -> list[Array]:
    """Returns arrays that look into memory, at the places that `placed` gave."""
    return [
        np.ndarray(place[1], place[2], memory, place[0]) if isinstance(place, tuple) else place
        for place in places
    ]


def put(leaves: Sequence[Array], places: Sequence[Any], memory: Array) -> None:
    """Copies leaves to their places in memory."""
    for leaf, place, view in zip(leaves, places, views(places, memory), strict=True):
        if isinstance(place, tuple):
            view[...] = leaf
