"""What is to be seen of a `fit` under way, from the frames of whoever it calls.

Keras tells callbacks and sequences little of it: neither what it trains on, nor how far it is.
"""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

__all__ = ["Fit", "enqueues_in_order", "limit_epoch"]

_PACKAGES = ("keras.", "tf_keras.")
_BEFORE_A_STEP = ("on_train_batch_begin", "on_batch_begin")


class Fit:
    """The `fit` that calls, through however many others.

    Args:
        frame: Its own.
        called: What it called, of that the name.
    """

    def __init__(self, frame: FrameType, called: str) -> None:
        self._locals, self._called = frame.f_locals, called

    @classmethod
    def around(cls, frame: FrameType | None) -> Fit | None:
        """Returns the nearest `fit` from which a frame was called; None where there is none."""
        called = ""
        while frame is not None:
            name = frame.f_code.co_name
            if name == "fit" and str(frame.f_globals.get("__name__")).startswith(_PACKAGES):
                return cls(frame, called)
            called, frame = name, frame.f_back
        return None

    @property
    def model(self) -> Any:
        """The model."""
        return self._locals["self"]

    @property
    def x(self) -> Any:
        """What it trains on."""
        return self._locals.get("x")

    @property
    def shuffles(self) -> bool:
        """Whether Keras is to shuffle the order of batches."""
        return bool(self._locals.get("shuffle"))

    @property
    def steps_per_epoch(self) -> int | None:
        """The steps of an epoch, where the user says so."""
        steps = self._locals.get("steps_per_epoch")
        return steps if isinstance(steps, int) and steps > 0 else None

    @property
    def initial_epoch(self) -> int:
        """The epoch that it begins with."""
        return int(self._locals.get("initial_epoch") or 0)

    @property
    def is_at_its_first_epoch(self) -> bool:
        """Whether that is the one under way, or none is yet."""
        return bool(self._locals.get("epoch", self.initial_epoch) == self.initial_epoch)

    @property
    def callbacks(self) -> Any:
        """The list of callbacks that it calls, by themselves."""
        return self._locals["callbacks"].callbacks

    def trained(self) -> int | None:
        """Returns the steps trained on since the pass under way began, on tf_keras the epoch.

        None where that is not to be seen.
        """
        before = self._called in _BEFORE_A_STEP
        if "data_handler" in self._locals:
            if before or self._called == "on_epoch_begin":
                return int(self._locals["step"]) - self._first_step if before else 0
            return int(self._locals.get("end_step", -1)) + 1 - self._first_step
        iterator = self._locals.get("epoch_iterator")
        seen = getattr(iterator, "_steps_seen", None)
        if seen is None:
            return None
        return int(seen) - (int(getattr(iterator, "steps_per_execution", 1)) if before else 0)

    @property
    def _first_step(self) -> int:
        """Of tf_keras' epoch under way: not 0 where it goes on."""
        epoch, step = _begun_at.get(self._locals["data_handler"], (None, 0))
        return step if epoch == self._locals.get("epoch") else 0

    def begin_at(self, epoch: int, step: int) -> None:
        """Has it begin with another epoch, and on tf_keras with a step of it.

        For who is called at the beginning of training. It is how Keras' own `BackupAndRestore`
        does it.
        """
        if "data_handler" in self._locals:
            self.model._training_state = _Counters(epoch, step)
            _begun_at[self._locals["data_handler"]] = epoch, step
        else:
            self.model._initial_epoch = epoch

    def begun(self) -> None:
        """Takes that back, so that another `fit` begins where it is told."""
        if "data_handler" in self._locals:
            self.model._training_state = None
        else:
            self.model._initial_epoch = None


_begun_at: weakref.WeakKeyDictionary[Any, tuple[int, int]] = weakref.WeakKeyDictionary()


class _Counters:
    """What tf_keras asks where to begin."""

    def __init__(self, epoch: int, step: int) -> None:
        self._at = epoch, step

    def maybe_load_initial_counters_from_ckpt(self, *_: Any, **__: Any) -> tuple[int, int]:
        return self._at


_whole: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()


def limit_epoch(frame: FrameType, start: int, steps: int | None) -> None:
    """Has Keras 3 read no more than there is, in an epoch that goes on where a run had stopped.

    It asks for the number of batches once for all epochs. A pass that ends before that would warn
    that data ran out, and on TensorFlow count one more step.

    Args:
        frame: Of Keras' adapter, as it says that an epoch begins.
        start: The batch that the pass begins with, or began with.
        steps: Of this epoch, where there are fewer than the user said.
    """
    iterator: Any = frame.f_back.f_locals.get("self") if frame.f_back else None
    if not hasattr(iterator, "_num_batches") or not hasattr(iterator, "steps_per_epoch"):
        return
    if not start and not steps and iterator not in _whole:
        return
    batches, usual = _whole.setdefault(iterator, (iterator._num_batches, iterator.steps_per_epoch))
    if batches:
        iterator._num_batches = batches - start
    iterator.steps_per_epoch = steps or usual


def enqueues_in_order(frame: FrameType) -> bool:
    """Whether tf_keras' enqueuer, which begins a pass, loads one batch after the other.

    Several of its threads would ask for batches in any order, and its processes know no turn.
    """
    enqueuer = frame.f_locals.get("self")
    workers = getattr(enqueuer, "workers", None)
    return workers == 1 and not getattr(enqueuer, "use_multiprocessing", False)
