"""What all transforms share: how they learn, how they are saved, when they are equal."""

from __future__ import annotations

import inspect
import json
import os
from abc import ABC, abstractmethod
from typing import Any, Literal, NoReturn, Self

from ..errors import ArgumentError, NotAdaptedError, SampleError, SourceError
from .documents import Documents

__all__ = ["Transform", "from_document", "is_missing"]

_FILES = Documents("multiseq.transform", 1, "a transform", "the transform", "a transform's `save`")


class Transform(ABC):
    """Something learned from the training split and applied to every sample.

    It is blank, then learning (from the first `partial_fit` on), then adapted (by `finish`). Only
    an adapted one transforms. `finish` lets go of all that was needed for learning alone, so that
    an adapted transform is small to pickle; the next `partial_fit` therefore starts afresh.
    Applying never changes a transform: threads may share one.

    A subclass must implement `transform`, `_forget`, `_learn` and `_settle`; to be saved and
    compared it implements `_config`, `_state` and `_restore` too, `inverse` where it can be undone,
    and `to_keras` where Keras has such a layer. It leaves the rest alone.

    Attributes:
        times_learned: How often it learned: what was made with it before is out of date once this
            has changed.
    """

    times_learned: int = 0
    row_by_row: bool = False
    """Whether many values at once may give other bytes than each by itself, as where matrices are
    multiplied: it is then given one sample's value at a time."""
    _stage: Literal["blank", "learning", "adapted"] = "blank"

    @abstractmethod
    def transform(self, values: Any) -> Any:
        """Applies what was learned, to one sample's value or to a batch of them.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: The values are not of the kind or shape that was learned.
        """

    @abstractmethod
    def _forget(self) -> None:
        """Drops what was seen and what was learned; the constructor may call it to begin with."""

    @abstractmethod
    def _learn(self, values: Any) -> None:
        """Adds one chunk, whose leading axis is that of the samples."""

    @abstractmethod
    def _settle(self) -> None:
        """Turns what was seen into what `transform` needs, and forgets the former."""

    def __call__(self, values: Any) -> Any:
        """The same as `transform`."""
        return self.transform(values)

    @property
    def adapted(self) -> bool:
        """Whether it has learned, and can transform."""
        return self._stage == "adapted"

    def reset(self) -> None:
        """Forgets everything learned, and what an interrupted `partial_fit` has seen."""
        self._stage = "blank"
        self._forget()

    def adapt(self, values: Any) -> Self:
        """Learns from all samples at once, afresh.

        Args:
            values: The samples' values; the leading axis is that of the samples.

        Returns:
            Itself.

        Raises:
            SampleError: The values can't be learned from.
        """
        self.reset()
        self.partial_fit(values)
        self.finish()
        return self

    def partial_fit(self, values: Any) -> Self:
        """Learns from one chunk of samples; `finish()` follows the last one.

        Args:
            values: The chunk's values; the leading axis, which may be 0 long, is that of the
                samples.

        Returns:
            Itself.

        Raises:
            SampleError: The values can't be learned from.
        """
        if self._stage != "learning":
            self.reset()
            self._stage = "learning"
        self._learn(values)
        return self

    def finish(self) -> None:
        """Settles what was learned. Does nothing if that is done already.

        Raises:
            SampleError: There was no value to learn from.
        """
        if self._stage != "adapted":
            self._settle()
            self._stage = "adapted"
            self.times_learned += 1

    def inverse(self, values: Any) -> Any:
        """Undoes `transform`: returns values as they were before it.

        Args:
            values: Of one sample or of a batch, as `transform` returns them; a model's predictions
                of such, say.

        Raises:
            ArgumentError: What this transform does cannot be undone.
            NotAdaptedError: Nothing was learned yet.
            SpecError: The values are not of the kind or shape that `transform` returns.
        """
        raise ArgumentError(
            f"what {self!r} does cannot be undone",
            expected="a transform with an inverse, such as Standardize, MinMax or Labels",
            fix="write inverse(values) in the transform's class; or leave the values as they are",
        )

    def to_keras(self) -> Any:
        """Returns the Keras layer that does the same, with what was learned, for serving.

        It is one of tf_keras where `TF_USE_LEGACY_KERAS` makes that `tf.keras`.

        Raises:
            ArgumentError: Keras has no such layer.
            NotAdaptedError: Nothing was learned yet.
        """
        raise ArgumentError(
            f"Keras has no layer that does what {self!r} does",
            fix="apply the transform itself before the served model: transform(values)",
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a JSON file that `load` reads back, to the last bit of every number.

        Args:
            path: The file; one that exists is replaced.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SourceError: The file cannot be written; one that exists is as it was.
        """
        if not self.adapted:
            self._raise_not_adapted()
        _FILES.write(path, self._document())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads what `save` wrote: `Transform.load` any transform, `Vocabulary.load` that alone.

        Args:
            path: The file. Nothing in it is executed.

        Returns:
            The transform, adapted; a new object of the class that was saved.

        Raises:
            SourceError: The file is missing, broken, or holds something else.
        """
        transform = from_document(_FILES.read(path), path)
        found = type(transform)
        if not isinstance(transform, cls):
            raise SourceError(
                f"{os.fspath(path)!r} holds another transform",
                got=f"class {found.__name__!r}",
                expected=f"class {cls.__name__!r}",
                fix=f"use {found.__name__}.load or Transform.load",
            )
        return transform

    def __eq__(self, other: object) -> bool:
        """Whether both are of one class, made with the same arguments, and learned the same."""
        if type(self) is not type(other) or not isinstance(other, Transform):
            return NotImplemented
        # As text, for 1, 1.0 and True are equal in Python.
        return json.dumps(self._document()) == json.dumps(other._document())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        named = inspect.signature(type(self)).parameters
        given = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in self._config().items()
        }
        config = ", ".join(
            f"{name}={value!r}"
            for name, value in given.items()
            if name not in named or value != named[name].default
        )
        learned = self._learned() if self.adapted else ""
        return f"<{type(self).__name__}({config}), {self._stage}{learned and ': '}{learned}>"

    def _learned(self) -> str:
        """What was learned, in a few words."""
        return ""

    def _config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as JSON can hold them."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """Returns what was learned, as JSON can hold it."""
        raise NotImplementedError

    def _restore(self, state: dict[str, Any]) -> None:
        """Takes back what `_state` returned; raises ValueError where that makes no sense."""
        raise NotImplementedError

    def _document(self) -> dict[str, Any]:
        return {
            **_FILES.head(),
            "class": type(self).__name__,
            "config": self._config(),
            "state": self._state() if self.adapted else None,
        }

    def _raise_not_adapted(self) -> NoReturn:
        name = type(self).__name__
        if self._stage == "learning":
            raise NotAdaptedError(
                f"{name} was used before it finished learning",
                fix="call `finish()` after the last `partial_fit()`, or `seq.adapt()` once more",
            )
        raise NotAdaptedError(
            f"{name} was used before it learned anything",
            fix="call `seq.adapt()` on the training sequence, or `adapt(values)` on the transform",
        )

    def _raise_nothing_seen(self) -> NoReturn:
        raise SampleError(
            f"{type(self).__name__} has nothing to learn from",
            got="no value that is not missing",
            expected="at least one",
            fix="adapt on a sequence that has samples, or leave this input out",
        )


def from_document(data: Any, path: str | os.PathLike[str]) -> Transform:
    """Returns the transform, adapted, that was written; raises SourceError where none was."""
    data = _FILES.checked(data, path)
    for field, kind in (("class", str), ("config", dict), ("state", dict)):
        if not isinstance(data.get(field), kind):
            raise _FILES.broken(path, f"{field!r} is {data.get(field)!r}")
    found = _class_named(data["class"])
    if found is None:
        raise SourceError(
            f"{os.fspath(path)!r} holds a transform of an unknown class",
            got=f"class {data['class']!r}",
            fix="import the module that defines the class, or upgrade multiseq",
        )
    try:
        transform = found(**data["config"])
        transform._restore(data["state"])
    except Exception as error:  # What a file holds can make it fail in any way.
        raise _FILES.broken(path, f"no valid {found.__name__}: {error!r}") from error
    transform._stage = "adapted"
    return transform


def is_missing(value: object) -> bool:
    """Whether a scalar stands for no value: None, NaN, NaT or pandas.NA."""
    # By name, for pandas would cost every worker process its import.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _class_named(name: str) -> type[Transform] | None:
    """Returns the subclass of that name: the newest one, where a notebook defined it twice."""
    found = None
    waiting: list[type[Transform]] = Transform.__subclasses__()
    while waiting:
        candidate = waiting.pop(0)
        waiting += candidate.__subclasses__()
        if candidate.__name__ == name:
            found = candidate
    return found
