"""What all transforms share: how they learn, how they are saved, when they are equal."""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from typing import Any, Literal, NoReturn, Self

from ..errors import ArgumentError, NotAdaptedError, SampleError, SourceError
from ..paths import open_regular, write_whole

__all__ = ["Transform", "is_missing"]

_FORMAT = "multiseq.transform"
_VERSION = 1


class Transform(ABC):
    """Something learned from the training split and applied to every sample.

    It is blank, then learning (from the first `partial_fit` on), then adapted (by `finish`). Only
    an adapted one transforms. `finish` lets go of all that was needed for learning alone, so that
    an adapted transform is small to pickle; the next `partial_fit` therefore starts afresh.
    Applying never changes a transform: threads may share one.

    A subclass must implement `transform`, `_forget`, `_learn` and `_settle`; to be saved and
    compared it implements `_config`, `_state` and `_restore` too, and `to_keras` where Keras has
    such a layer. It leaves the rest alone.

    Attributes:
        times_learned: How often it learned: what was made with it before is out of date once this
            has changed.
    """

    times_learned: int = 0
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
        text = json.dumps(self._document(), indent=1, ensure_ascii=False, allow_nan=False)
        # Half a surrogate pair, from a file name say, is no UTF-8: it is kept as an escape.
        text = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
        write_whole(path, (text + "\n").encode())

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
        document = _read(path)
        found = _class_named(document["class"])
        if found is None:
            raise SourceError(
                f"{os.fspath(path)!r} holds a transform of an unknown class",
                got=f"class {document['class']!r}",
                fix="import the module that defines the class, or upgrade multiseq",
            )
        if not issubclass(found, cls):
            raise SourceError(
                f"{os.fspath(path)!r} holds another transform",
                got=f"class {found.__name__!r}",
                expected=f"class {cls.__name__!r}",
                fix=f"use {found.__name__}.load or Transform.load",
            )
        try:
            transform = found(**document["config"])
            transform._restore(document["state"])
        except Exception as error:  # What a file holds can make it fail in any way.
            raise _broken(path, f"no valid {found.__name__}: {error!r}") from error
        transform._stage = "adapted"
        return transform

    def __eq__(self, other: object) -> bool:
        """Whether both are of one class, made with the same arguments, and learned the same."""
        if type(self) is not type(other) or not isinstance(other, Transform):
            return NotImplemented
        # As text, for 1, 1.0 and True are equal in Python.
        return json.dumps(self._document()) == json.dumps(other._document())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        config = ", ".join(f"{name}={value!r}" for name, value in self._config().items())
        return f"<{type(self).__name__}({config}), {self._stage}>"

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
            "format": _FORMAT,
            "version": _VERSION,
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


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        with open(open_regular(path), "rb") as file:
            data = json.loads(file.read())
    except SourceError:
        raise
    except OSError as error:
        raise _broken(path, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise _broken(path, f'JSON without "format": "{_FORMAT}"')
    if data.get("version") != _VERSION:
        raise SourceError(
            f"{os.fspath(path)!r} has another format version",
            got=f"version {data.get('version')!r}",
            expected=f"version {_VERSION}",
            fix="upgrade multiseq, or adapt and save the transform again",
        )
    for field, kind in (("class", str), ("config", dict), ("state", dict)):
        if not isinstance(data.get(field), kind):
            raise _broken(path, f"{field!r} is {data.get(field)!r}")
    return data


def _broken(path: str | os.PathLike[str], got: str) -> SourceError:
    return SourceError(
        f"{os.fspath(path)!r} cannot be loaded as a transform",
        got=got,
        expected="a JSON file that a transform's `save` wrote",
        fix="adapt and save the transform again",
    )
