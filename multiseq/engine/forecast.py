"""Guesses which batches are asked for next.

Keras asks for one batch at a time and does not say which comes next, so that is a guess, like a
branch predictor's: a wrong one costs the time of one batch, never a wrong batch.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Forecast"]

Orders = Iterator[Sequence[int]]
"""The order of the batches in each of several passes."""

_MOST_BATCHES = 1 << 18  # Of more, a shuffled order is not worked out for a guess.
_FIRST_TURNS = 3


class Forecast:
    """Guesses which batches come next, in this pass over them and in the one after it.

    By default batches come in sequence. Once `expect_shuffle` was called, the first batches asked
    for tell which of these it is: what was guessed at the end of the last pass; in sequence; in
    the order of `random.shuffle`, as Keras has it up to 3.15; or in that of
    `random.Random(k).shuffle` in the k-th pass, as later ones have it.

    Args:
        num_batches: Batches in a pass.

    Attributes:
        in_step: Whether the last batch asked for had been guessed.
    """

    def __init__(self, num_batches: int) -> None:
        self._n = num_batches
        self._lock = threading.Lock()
        self._state: Any = None
        self._others: Iterator[Orders] = iter(())
        self._seen: list[int] | None = None  # In this pass, while there may be other guesses.
        self._place = -1
        self._order: Sequence[int] = ()
        self._following: Sequence[int] | None = None  # The order of the next pass, once needed.
        self._follow(_in_sequence(num_batches), self._place)
        self.in_step = False

    def expect_shuffle(self) -> None:
        """Says that Keras begins a pass, and may be about to shuffle it.

        `fit(shuffle=True)`, the default, reads `num_batches` and then shuffles the order of the
        batches. A copy of the global generator foretells that order without drawing from it.
        """
        self._state = random.getstate()

    def see(self, index: int) -> None:
        """Notes which batch was asked for."""
        with self._lock:
            state, self._state = self._state, None
            if state is not None or self._place + 1 >= self._n:
                self._begin(state)
            place = self._place + 1
            if self._seen is not None:
                self._seen.append(index)
            self.in_step = self._order[place] == index
            if self.in_step:
                self._place = place
            else:
                self.in_step = self._guess_again()
                if not self.in_step:  # Someone reads at random. Go on from there, in sequence.
                    self._follow(_in_sequence(self._n), index)

    def next(self, count: int) -> list[tuple[int, int]]:
        """Returns the batches that come next.

        Returns:
            At most `count` pairs: 0 for this pass or 1 for the one after it, and the batch.
        """
        with self._lock:
            start = self._place + 1
            ahead = [(0, batch) for batch in self._order[start : start + count]]
            if len(ahead) < count:
                if self._following is None:
                    self._following = next(self._orders)
                ahead += [(1, batch) for batch in self._following[: count - len(ahead)]]
            return ahead

    def _follow(self, orders: Orders, place: int) -> None:
        self._orders, self._place = orders, place
        self._order, self._following = next(orders), None

    def _begin(self, state: Any) -> None:
        """A pass begins: as foretold, or else as one of several guesses has it."""
        self._place, self._seen = -1, None
        following, self._following = self._following, None
        self._order = next(self._orders) if following is None else following
        if state is not None:
            self._others, self._seen = _guesses(self._n, state), []

    def _guess_again(self) -> bool:
        """Takes the next guess that agrees with what was seen of this pass, if there is one."""
        if self._seen is None:
            return False
        for orders in self._others:
            self._follow(orders, len(self._seen) - 1)
            if list(self._order[: len(self._seen)]) == self._seen:
                return True
        self._seen = None
        return False


def _guesses(n: int, state: Any) -> Iterator[Orders]:
    yield _in_sequence(n)
    if n <= _MOST_BATCHES:
        generator = random.Random()
        generator.setstate(state)
        yield (_shuffled(n, generator) for _ in itertools.count())
        # Keras counts epochs from 0, and has counted one or two before the first batch where it
        # resets its data, or builds the model.
        for first in range(_FIRST_TURNS):
            yield (_shuffled(n, random.Random(k)) for k in itertools.count(first))


def _in_sequence(n: int) -> Orders:
    return itertools.repeat(range(n))


def _shuffled(n: int, generator: random.Random) -> list[int]:
    order = list(range(n))
    generator.shuffle(order)
    return order
