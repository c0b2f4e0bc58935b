"""From raw records to what the model takes, as it is done to samples of training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np

from ..declaring import check_returns
from ..engine.job import Layout, blame
from ..errors import ArgumentError, SpecError, naming
from ..order import Draw
from ..samples import Sample, Spec, Structure, outline
from ..wording import Texts
from .families import Family, Scope
from .hooks import optional
from .predicting import Predicting
from .records import ALONE, Records, as_records, check_fields

__all__ = ["ALONE", "Encoding", "Records", "fields_of"]

_HOOK = "encode_sample"
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PACKAGE = __name__.partition(".")[0]

_PLAIN: Mapping[str, Any] = {
    "shuffle": False,
    "sampler": None,
    "drop_last": False,
    "class_weight": None,
    "augmented": False,
    "on_error": "raise",
    "workers": 0,
    "use_multiprocessing": False,
    "cluster": None,
    "max_queue_size": None,
    "timeout": None,
}


class Encoding(Predicting):
    """The side of a sequence that serves."""

    _records: Records | None = None  # That `encode_sample` makes the samples of.
    _known: Layout | None = None  # What batches look like, where it is that of training.
    _are_alike = False  # Whether the source says what all samples look like.
    _plain: Any = None  # This sequence as it is served: samples of training, nothing random.

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        written = vars(cls).get(_HOOK)
        is_static = isinstance(written, staticmethod)
        function = written.__func__ if isinstance(written, staticmethod) else written
        if inspect.isfunction(function):
            _check_hook(cls, function, is_static)

    def encode(self, raw: Any) -> Any:
        """Returns the inputs of raw records as the model takes them, in a batch.

            >>> model.predict_on_batch(train.encode({"year": 1999, "genre": "drama"}))

        They go through all that samples of training do, but augmentation: decoding, tokens,
        transforms, `map`, padding, dtypes; `map` and `collate` are given samples of inputs alone.
        A sample's own raw values give its row of a batch, to the bit.

        A record is a dict by field. Of a join it has the fields of all parts; where `how="left"`
        fills a part, a record may leave out all fields of that part, which it then lacks (None is
        not that, but a value that is missing of what is there). These are:

        - tables and SQL: the columns of the inputs; None where a value is missing.
        - arrays, files: the inputs' names ("inputs[0]" in a tuple). Of a file, what stands in it,
          before `transforms`: an array, a text, a number.
        - windows: the columns of features, each with `length` values in the order of time, and
          those of `static`, each with one. A DataFrame holds the last rows of one series, or of
          several entities, each of which gives a window, in the order in which they appear.
        - texts, images, sounds: the name of the input in a join, "inputs" where they stand alone.
          A text (or ids). An image: a path, relative to `root` if there is one; the bytes of a
          file; an image of Pillow; or an array of uint8, of shape (height, width) or (height,
          width, channels), RGB. A sound: a path, bytes, or (samples, rate in Hz). With `read=`,
          also what that returns.
        - a class of one's own: the parameters of its `encode_sample`. Of a single one, the name of
          the input in a join.

        `concat` and `mix` encode as their parts do, which must agree on it.

        Args:
            raw: A record, a list of records, or a DataFrame with a row for each.

        Returns:
            The inputs, nested as in a batch; each has a leading axis of as many as the records.

        Raises:
            ArgumentError: A record lacks a field, has one too many or one of another kind; or the
                sequence has no way from a raw record to a sample.
            NotAdaptedError: A transform has learned nothing yet.
            SampleError: A value cannot be used; its position is the record's.
        """
        with naming(self.called):
            fields = self._fields()
            records = self._as_records(raw)
            check_fields(records, fields, self._left_out_together)
            view: Any = self._serving(records)
            try:
                return view[0][0]
            finally:
                view.close()

    @optional
    def encode_sample(self, *args: Any, **fields: Any) -> Any:
        """Returns the inputs of one raw record, for `encode`; as `load_sample` loads them.

            >>> def load_sample(self, index):
            ...     return read_clip(self.paths[index]), self.labels[index]
            >>> def encode_sample(self, path):
            ...     return read_clip(path)

        Its parameters, whatever they are called, are the fields of a record; each is given by
        name. `transforms`, `map` and dtypes follow, as in training.

        Returns:
            `inputs` or `(inputs,)`: an array or a scalar, a tuple of these, or a dict by name. A
            tuple of inputs is returned in another one: `((a, b),)`.
        """
        raise NotImplementedError

    def _serving(self, records: Records) -> Self:
        """Returns a sequence like this one, plain, whose samples are raw records."""
        if self._has_hook:
            other = self._emptied(len(records))
            other._records = records
        else:
            other = self._over(records)
        other._known = self._layout_of_training()
        return other

    def _fields(self) -> list[str]:
        """The fields of a raw record."""
        if self._has_hook:
            return list(inspect.signature(self.encode_sample).parameters)
        if self._is_loaded_by_user:
            raise self._without_a_way()
        return self._raw_fields()

    @property
    def _is_one_value(self) -> bool:
        """Whether a record is a single value, which a join calls by the name of its input."""
        fields = self._fields()
        return fields == [ALONE] or (self._has_hook and len(fields) == 1)

    @property
    def _left_out_together(self) -> list[set[str]]:
        """Of each part that is filled where it is lacking: its fields, all in a record or none."""
        return []

    def _raw_fields(self) -> list[str]:
        """The fields of a raw record of this class."""
        raise self._without_a_way()

    def _over(self, records: Records) -> Self:
        """Returns a sequence like this one whose samples are raw records of this class."""
        raise NotImplementedError

    def _as_records(self, raw: Any) -> Records:
        """Returns what a user gave as records."""
        return as_records(raw)

    @property
    def _whole_texts(self) -> Texts | None:
        """How a model can make the same ids of its texts, where it can."""
        return None

    @property
    def _is_uniform(self) -> bool:
        """Whether samples have known shapes and dtypes, whichever is the first of them."""
        known = self._are_alike and self._pipeline is None
        return known or isinstance(_inputs_of(self._declared), Spec)

    @property
    def _has_hook(self) -> bool:
        """Whether `encode_sample` is written, for what the class now loads."""
        if not self._writes(_HOOK):
            return False
        ranks = {each: rank for rank, each in enumerate(type(self).__mro__)}
        first = min(
            rank
            for each, rank in ranks.items()
            if vars(each).keys() & {_HOOK, "_over"} and each is not Encoding
        )
        return _HOOK in vars(type(self).__mro__[first])

    @property
    def _is_loaded_by_user(self) -> bool:
        """Whether a subclass loads otherwise than the class of this package that it is of."""
        hooks = (getattr(type(self), name) for name in ("load_sample", "load_batch"))
        return any(hook.__module__.partition(".")[0] != _PACKAGE for hook in hooks)

    def _without_a_way(self) -> ArgumentError:
        cls = type(self)
        mine = cls.__module__.partition(".")[0] != _PACKAGE
        return ArgumentError(
            "encode has no way from a raw record to a sample of this sequence",
            got=f"a {cls.__name__}, which loads its samples from what it knows by index",
            fix="write in your class: def encode_sample(self, path): return ..., which makes of "
            "one record what load_sample returns, without targets; its parameters are the fields"
            if mine
            else "encode by the sequences that it is made of: seq.parts[0].encode(raw)",
        )

    def _emptied(self, n: int) -> Self:
        """Returns a copy for n samples of another source, inputs alone, which loads at once."""
        other = self._as_served(batch_size=n)
        other._declared = (_inputs_of(self._declared),)
        other._source_rows, other._looked_up = (), None
        other._family = Family(Scope(borrows=True))
        cast(Any, other)._number(n)
        return other

    def _as_served(self, **settings: Any) -> Self:
        other = self._copy(settings={**_PLAIN, **settings})
        other._settings = other._settings.sharing(0, 1)
        other._inputs_only = True
        return other

    def _layout_of_training(self) -> Layout | None:
        """What inputs look like in training; None where raw records tell.

        The first sample of training is loaded for it, once, unless a spec says it all.
        """
        declared = _inputs_of(self._declared)
        if isinstance(declared, Spec):
            return Layout(Structure((np.zeros(()),)), [declared])
        if self._plain is None:
            self._plain = self._as_served()
        layout = self._plain._layout()
        return Layout(layout.structure, layout.specs)

    # What raw records change in making samples.

    def served_layout(self) -> Layout:
        """What batches look like; of raw records, as those of training."""
        return super().served_layout() if self._known is None else self._known

    @property
    def loads_batches(self) -> bool:
        """Whether `load_batch` is written, and loads these samples."""
        return self._records is None and super().loads_batches

    def _loaded(self, index: int, draw: Draw | None) -> Sample:
        if self._records is None:
            return super()._loaded(index, draw)
        try:
            return _as_sample(self.encode_sample(**self._records[index]))
        except Exception as error:
            blame(error, cast(Any, self), _HOOK, index)


def _check_hook(cls: type, function: Any, is_static: bool) -> None:
    """Raises ArgumentError unless the parameters of a hook can be the fields of a record."""
    parameters = list(inspect.signature(function).parameters.values())[not is_static :]
    bad = [
        str(each)
        for each in parameters
        if each.kind not in _NAMED or each.default is not inspect.Parameter.empty
    ]
    with naming(cls.__name__):
        if bad or not parameters:
            raise ArgumentError(
                f"{_HOOK} does not say which fields a record has",
                got=f"the parameter {bad[0]}" if bad else "no parameter",
                expected="a parameter for each field, without a default",
                fix=f"write def {_HOOK}(self, path), say; a value that may be missing is None",
            )
        check_returns(_HOOK, function, f"def {_HOOK}(self, ...), which returns inputs")


def _as_sample(made: Any) -> Sample:
    """Returns what a hook made as a sample of inputs alone."""
    if not isinstance(made, tuple):
        return (made,)
    if len(made) == 1:
        return made
    raise SpecError(
        f"{_HOOK} returned a tuple of {len(made)}, which may be several inputs, or inputs and "
        "targets",
        got=outline(made),
        expected="inputs, or (inputs,)",
        fix="of several inputs return ((a, b),), or a dict; leave targets out",
    )


def _inputs_of(declared: Any) -> Any:
    """Returns what `spec=` says of inputs."""
    return declared[0] if isinstance(declared, tuple) and declared else declared


def fields_of(structure: Structure) -> list[str]:
    """Returns the fields of raw records that have one for each input."""
    keys = structure.keys("inputs")
    if not keys:
        return [ALONE]
    return [key if isinstance(key, str) else f"{ALONE}[{key}]" for key in keys]
