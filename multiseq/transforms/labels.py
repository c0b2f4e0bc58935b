"""Classes to numbers and back: `Labels`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _keras
from ..errors import ArgumentError, SampleError, few
from ..stages import stage
from .base import Transform, is_missing
from .categories import (
    KINDS,
    Category,
    are_nested,
    checked_array,
    chosen,
    is_array,
    leaves_of,
    plain,
    unknown,
)
from .labelled import (
    SEVERAL,
    above,
    as_array,
    as_class,
    categories_of,
    checked_class,
    checked_classes,
    checked_sep,
    distinct_of,
    kind_of,
    missing_label,
    mixed,
    no_chunk,
    no_labels,
    of_another_kind,
    one_hot,
    scores_of,
    unseen_label,
)

__all__ = ["Labels"]


class Labels(Transform):
    """Numbers classes from 0 on, as sparse_categorical_crossentropy takes them.

    Classes are text, whole numbers or bools, all of one kind; 1 and 1.0 are one class. They are
    learned from the training split and sorted: text by code points, False before True. Of a
    pandas Categorical (or a Series of such) the order is kept, and so are categories that do not
    occur: its dtype says what there is. (`series.cat.remove_unused_categories()` drops them.)

    A missing label (None, NaN, pandas.NA) is not learned, and refused where it is to be numbered.

    Example:
        >>> labels = Labels().adapt(["dog", "cat", "dog"])
        >>> labels.classes, len(labels)
        (('cat', 'dog'), 2)
        >>> labels.transform(["dog", "cat"])
        array([1, 0], dtype=int32)
        >>> labels.inverse([1, 0])
        array(['dog', 'cat'], dtype='<U3')

    Args:
        classes: The classes, in the order of their numbers, where they are known beforehand:
            nothing is learned then. None to learn them.
        unseen: The class that whatever was not learned counts as. One that is not among the
            classes is added as the last one. None to refuse what was not learned.
        multi: Whether a sample has any number of labels: a list, tuple, set or array of them.
            It becomes a 1 for each class that it has, and 0 for the others, as
            binary_crossentropy takes them. A sample without labels has an empty list.
        sep: What is between the labels of a sample that are one text, such as "|" in
            "action|drama"; `multi` follows from it. Blanks around labels are dropped, and so are
            empty ones.
        one_hot: Whether a label becomes a 1 among zeros, as categorical_crossentropy takes it.

    Raises:
        ArgumentError: One of these is not what it should be.
    """

    def __init__(
        self,
        classes: Iterable[Category] | None = None,
        *,
        unseen: Category | None = None,
        multi: bool = False,
        sep: str | None = None,
        one_hot: bool = False,
    ) -> None:
        self.unseen = None if unseen is None else checked_class("unseen", unseen)
        self.sep = None if sep is None else checked_sep(sep)
        self.multi, self.one_hot = bool(multi) or sep is not None, bool(one_hot)
        if self.multi and self.one_hot:
            raise ArgumentError(
                "one_hot and multi were both given",
                fix="leave one_hot out: several labels are a vector of 0 and 1 already",
            )
        self._given = None if classes is None else checked_classes(classes)
        self._forget()

    def __len__(self) -> int:
        """Number of classes: that of the units of the model's output."""
        return len(self.classes)

    def __bool__(self) -> bool:
        # Without it, `labels or default` would ask for the length of a blank one.
        return True

    @property
    def classes(self) -> tuple[Category, ...]:
        """The classes by number.

        Raises:
            NotAdaptedError: Nothing was learned yet.
        """
        if not self.adapted:
            self._raise_not_adapted()
        return self._classes

    @stage("transform")
    def transform(self, values: Any) -> Any:
        """Numbers the labels of one sample or of a batch.

        Args:
            values: A label, or an array or a list of them, such as one for each step; a list of
                lists where these differ in length. With `multi` the labels of a sample, or a list
                of those.

        Returns:
            int32 in the shape of the labels (for rows of different lengths, a list of arrays).
            With `one_hot` float32 with an axis of classes behind it. With `multi` float32 of shape
            (classes,), or (n, classes) for a list.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SampleError: A label is missing, or was not learned.
            SpecError: A value is no label.
        """
        if not self.adapted:
            self._raise_not_adapted()
        if self.multi:
            rows = self._rows(values)
            return self._hot([values])[0] if rows is None else self._hot(rows)
        ids = self._numbered(values)
        return one_hot(ids, len(self._classes)) if self.one_hot else ids

    def inverse(self, values: Any, threshold: float = 0.5) -> Any:
        """Returns the labels of numbers; where there is an axis of classes, of a model's scores.

        Args:
            values: What `transform` returns. With `one_hot` also scores: the greatest counts. With
                `multi` also probabilities: those above the threshold count.
            threshold: With `multi`, above which a sample has a label.

        Returns:
            An array of labels in the shape of the numbers; the label itself for one number. With
            `multi` a list of labels for a sample, and a list of those for a batch.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: These are no numbers of classes, or have another number of classes.
        """
        classes = as_array(self.classes)
        if not (self.multi or self.one_hot):
            return chosen(classes, values)
        scores = scores_of(values, len(classes))
        if self.multi:
            return above(classes, scores, threshold)
        return chosen(classes, scores.argmax(-1))

    def to_keras(self) -> Any:
        """Returns the keras.layers.StringLookup that gives the same; for numbers IntegerLookup.

        It gives int64. Bools are 0 and 1 to it. It needs TensorFlow, as that of `Vocabulary`.

        Raises:
            ArgumentError: Keras has no layer for `unseen` or `sep`.
            NotAdaptedError: Nothing was learned yet.
        """
        classes = list(self.classes)
        if self.unseen is not None or self.sep is not None:
            return super().to_keras()
        layers, mode = _keras.layers(), "one_hot" if self.one_hot else "int"
        options = {"num_oov_indices": 0, "output_mode": "multi_hot" if self.multi else mode}
        if self._kind is str:
            return layers.StringLookup(vocabulary=classes, oov_token=unknown(classes), **options)
        numbers = [int(each) for each in classes]
        return layers.IntegerLookup(
            vocabulary=numbers, oov_token=min(-1, min(numbers) - 1), **options
        )

    def _forget(self) -> None:
        self._seen: set[Category] = set()
        self._declared: tuple[Category, ...] | None = None
        self._classes: tuple[Category, ...] = ()
        self._table: dict[Any, np.int32] = {}
        self._kind: type | None = None
        if self._given is not None:
            self._set(self._given)
            self._stage = "adapted"

    def _learn(self, values: Any) -> None:
        if self._given is not None:
            return
        declared = categories_of(values)
        if declared is not None and not self.multi:
            self._declare(tuple(checked_class("a category", each) for each in declared))
            return
        if self.multi:
            rows = self._rows(values)
            if rows is None and np.size(values):
                raise no_chunk(values)
            there = [row for row in rows or () if not is_missing(row)]
            leaves = [label for row in there for label in self._parts(row)]
        elif isinstance(values, list | tuple) or (is_array(values) and np.ndim(values)):
            leaves = leaves_of(values)
        else:
            raise no_chunk(values)
        for value in distinct_of(leaves):
            found = as_class(value)
            if found is not None:
                self._see(found)

    def _declare(self, classes: tuple[Category, ...]) -> None:
        if self._declared not in (None, classes):
            raise SampleError(
                "categories differ from one chunk, or from one output, to the next",
                got=few(classes),
                expected=few(self._declared or ()),
                fix="give each output Labels of its own; or fix the classes: Labels(classes=[...])",
            )
        self._declared = classes

    def _see(self, category: Category) -> None:
        kind = KINDS[type(category)]
        if self._kind not in (None, kind):
            raise mixed([next(iter(self._seen)), category])
        self._kind = kind
        self._seen.add(category)

    def _settle(self) -> None:
        if not (self._given or self._declared or self._seen):
            self._raise_nothing_seen()
        # What was seen is of one kind, and can be sorted.
        self._set(self._given or self._declared or tuple(sorted(self._seen)))

    def _set(self, classes: tuple[Category, ...]) -> None:
        if self.unseen is not None and self.unseen not in classes:
            classes = (*classes, self.unseen)
        kinds = {KINDS[type(each)] for each in classes}
        if len(kinds) > 1:
            raise mixed(list(classes))
        (self._kind,) = kinds
        self._seen, self._declared, self._classes = set(), None, classes
        self._table = {each: np.int32(number) for number, each in enumerate(classes)}

    def _numbered(self, values: Any) -> Any:
        """Returns the numbers of labels, nested as these are."""
        if isinstance(values, list | tuple):
            if are_nested(set(map(type, values))):
                return [self._numbered(each) for each in values]
            return self._looked_up(values)
        if not is_array(values):
            return self._looked_up([values])[0]
        array = checked_array(values)
        if array.ndim == 0:
            return self._looked_up([array[()]])[0]
        flat = array.ravel().tolist()
        if are_nested(set(map(type, flat))):
            return [self._numbered(each) for each in flat]
        return self._looked_up(flat).reshape(array.shape)

    def _looked_up(self, labels: list[Any] | tuple[Any, ...]) -> npt.NDArray[np.int32]:
        ids = np.full(len(labels), -1, np.int32)
        if all(kind_of(each) is self._kind for each in set(map(type, labels))):
            found = map(self._table.get, labels, itertools.repeat(-1))
            ids = np.fromiter(found, np.int32, len(labels))
        for place in np.flatnonzero(ids < 0).tolist():
            ids[place] = self._other(labels[place])
        return ids

    def _other(self, label: Any) -> np.int32:
        """Returns the number of what is not in the table as it is."""
        category = as_class(label)
        if category is None:
            raise missing_label(label)
        if KINDS[type(category)] is not self._kind:
            raise of_another_kind(label, self._classes)
        found = self._table.get(category)
        if found is None and self.unseen is not None:
            found = self._table[self.unseen]
        if found is None:
            raise unseen_label(category, self._classes)
        return found

    def _rows(self, values: Any) -> list[Any] | None:
        """Returns the samples of a batch, each with labels of its own; None for one sample."""
        if isinstance(values, list | tuple):
            rows = list(values)
        elif is_array(values) and np.ndim(values):
            rows = list(np.asarray(values))
        else:
            return None
        several = self.sep is not None or any(isinstance(row, SEVERAL) for row in rows)
        return rows if several else None

    def _parts(self, row: Any) -> list[Any]:
        """Returns the labels of one sample."""
        if is_missing(row):
            raise missing_label(
                row, 'an empty list, or "" under sep=, where a sample has no labels; '
            )
        if self.sep is not None:
            if isinstance(row, str | bytes) and isinstance(text := plain(row), str):
                return [part for each in text.split(self.sep) if (part := each.strip())]
        elif isinstance(row, SEVERAL):
            return checked_array(row).tolist() if isinstance(row, np.ndarray) else list(row)
        raise no_labels(row, self.sep)

    def _hot(self, rows: list[Any]) -> npt.NDArray[np.float32]:
        parts = [self._parts(row) for row in rows]
        hot = np.zeros((len(parts), len(self._classes)), np.float32)
        ids = self._looked_up([label for row in parts for label in row])
        hot[np.repeat(np.arange(len(parts)), list(map(len, parts))), ids] = 1
        return hot

    def _learned(self) -> str:
        return few(self._classes, 3)

    def _config(self) -> dict[str, Any]:
        given = None if self._given is None else list(self._given)
        names = ("unseen", "multi", "sep", "one_hot")
        return {"classes": given, **{name: getattr(self, name) for name in names}}

    def _state(self) -> dict[str, Any]:
        return {"classes": list(self._classes)}

    def _restore(self, state: dict[str, Any]) -> None:
        classes = checked_classes(state["classes"])
        if self._given is not None and classes[: len(self._given)] != self._given:
            raise ValueError("the classes are not those that were given")
        self._set(classes)
