"""Categories and tokens to ids: `Vocabulary`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _keras
from ..checks import check_count
from ..errors import ArgumentError, SpecError
from ..stages import stage
from .base import Transform
from .categories import (
    KINDS,
    NAMES,
    Category,
    are_nested,
    bucket_of,
    canonical,
    check_distinct,
    check_saved,
    checked_array,
    checked_mask,
    chosen,
    is_array,
    leaves_of,
    of_new_kind,
    plain,
    printed,
    unknown,
    unlearned,
)

__all__ = ["Vocabulary"]

Ids = npt.NDArray[np.int32]


class Vocabulary(Transform):
    """Gives each category or token an id: what keras.layers.StringLookup does, for any backend.

    The ids are those of StringLookup: 0 for `mask` if there is one, then `num_oov` ids for
    whatever the training split does not hold, then the learned categories, the most frequent
    first. Categories of equal frequency are in ascending order: False, True, numbers, text by
    code points (StringLookup has them descending). So ids depend on how often each category
    occurs, not on order or chunks. `len(vocabulary)` is the `input_dim` of an Embedding.

    A category is text, a number or a bool; 1 and 1.0 are one. To learn both 1 and "1" is refused,
    and so is to look up a number where all are text. Bytes are text in UTF-8. None, NaN and
    pandas.NA are missing: not learned, and given the mask's id, or the first OOV id.

    As the vocabulary of a tokenizer it takes lists of tokens, as long as they like:
    `Vocabulary(mask="").adapt([["a", "cat"], ["a", "dog", "runs"]])` counts each token, and leaves
    id 0 to padding, as Embedding(mask_zero=True) wants it.

    Args:
        max_size: Greatest number of ids, those of mask and OOV included (as `max_tokens` in
            Keras); the rarest categories fall away. None for no limit.
        min_count: Categories that occur less often are not learned.
        num_oov: Number of OOV ids. If more than one, a hash of the category chooses: the same one
            in every process. With 0, as for classes, to look up what was not learned is an error.
        mask: A category that stands for "nothing here", such as "" or "[PAD]". It gets id 0 and
            is not learned. None for no mask: id 0 is then the first OOV id.

    Raises:
        ArgumentError: One of these is not what it should be.
    """

    def __init__(
        self,
        max_size: int | None = None,
        min_count: int = 1,
        num_oov: int = 1,
        mask: Category | None = None,
    ) -> None:
        self.min_count = check_count("min_count", min_count, 1)
        self.num_oov = check_count("num_oov", num_oov, 0)
        self.mask = None if mask is None else checked_mask(mask)
        self._first_oov = 0 if self.mask is None else 1
        self._reserved = self._first_oov + self.num_oov
        if max_size is not None:
            max_size = check_count("max_size", max_size, self._reserved + 1)
        self.max_size = max_size
        self._forget()

    def __len__(self) -> int:
        """Number of ids, those of mask and OOV included: the Embedding's `input_dim`."""
        return self._reserved + len(self.categories)

    def __bool__(self) -> bool:
        # Without it, `vocabulary or default` would ask for the length of a blank one.
        return True

    @property
    def categories(self) -> tuple[Category, ...]:
        """The learned categories by id: the first one's id is that after the last OOV id."""
        if not self.adapted:
            self._raise_not_adapted()
        return self._categories

    def to_keras(self) -> Any:
        """Returns the keras.layers.StringLookup that gives the same ids; for numbers IntegerLookup.

        Bools are 0 and 1 to it. It needs TensorFlow: on JAX and torch it runs in front of the
        model (in a tf.data pipeline, or called by itself), not inside a compiled one.

        Raises:
            ArgumentError: There are categories of several kinds, numbers with fractions, or
                several OOV ids, among which Keras chooses by another hash.
            NotAdaptedError: Nothing was learned yet.
        """
        tokens = [*self.categories] if self.mask is None else [self.mask, *self.categories]
        kinds = {type(token) for token in tokens}
        if self.num_oov > 1 or len(kinds) != 1 or float in kinds:
            raise ArgumentError(
                f"Keras has no layer that gives the ids of {self!r}",
                got=f"num_oov={self.num_oov}; {', '.join(sorted(k.__name__ for k in kinds))}",
                expected="num_oov=1 or 0; categories that are all text, all integers or all bools",
                fix="convert them before the transform learns, or apply it before the model",
            )
        layers = _keras.layers()
        if kinds == {str}:
            return layers.StringLookup(
                vocabulary=tokens[self._first_oov :],
                mask_token=self.mask,
                oov_token=self._unknown,  # Keras wants one that is no category.
                num_oov_indices=self.num_oov,
            )
        numbers = [int(token) for token in tokens]
        return layers.IntegerLookup(
            vocabulary=numbers[self._first_oov :],
            mask_token=None if self.mask is None else numbers[0],
            oov_token=min(-1, min(numbers) - 1),
            num_oov_indices=self.num_oov,
        )

    def inverse(self, values: Any) -> Any:
        """Returns the category of each id: the mask as it was given, "[UNK]" for an OOV id.

        Args:
            values: Ids of any shape.

        Returns:
            Categories in an object array of the same shape; the category itself for one id; a
            list of arrays for rows of different lengths.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: These are no ids of this vocabulary.
        """
        known = self.categories
        shown = np.empty(len(self), object)
        shown[self._first_oov :] = [*[self._unknown] * self.num_oov, *known]
        if self.mask is not None:
            shown[0] = self.mask
        return chosen(shown, values)

    def decode(self, ids: Any) -> Any:
        """Returns the tokens that ids stand for, without padding.

        Text is whatever joins them again: `" ".join(vocabulary.decode(ids))`.

        Args:
            ids: Of one sample, shape (length,), or of several: an array of more axes, the last of
                which is that of tokens, or a list of arrays.

        Returns:
            A list of tokens; of several samples a list of those. The mask (id 0, with which
            batches are padded) is left out; where there is no mask, nothing is. An OOV id gives
            "[UNK]", in more brackets where that is a token itself.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: These are no ids of this vocabulary, or a single one.
        """
        found = self.inverse(ids)
        if not isinstance(found, list | np.ndarray):
            raise SpecError(
                "decode takes ids with an axis of tokens",
                got=ids,
                expected="the ids of one sample, shape (length,), or of several",
                fix="inverse(id) gives the category of a single id",
            )
        return self._without_mask(found)

    def _without_mask(self, found: Any) -> list[Any]:
        if isinstance(found, list) or found.ndim > 1:
            return [self._without_mask(each) for each in found]
        if self.mask is None:
            return list(found)
        # By type too, for 0 == False.
        return [each for each in found if (type(each), each) != (type(self.mask), self.mask)]

    @property
    def _unknown(self) -> str:
        return unknown([self.mask, *self._categories])

    def _forget(self) -> None:
        self._counts: defaultdict[type, Counter[Any]] = defaultdict(Counter)
        self._tables: dict[type, dict[Any, np.int32]] = {}
        self._categories: tuple[Category, ...] = ()
        self._kinds: set[type] = set()

    @stage("transform")
    def transform(self, values: Any) -> Any:
        """Looks up ids, of one sample or of a batch.

        Args:
            values: A scalar, an array (or Series) of any shape, a list of scalars, or a list of
                lists or arrays, such as a batch of token lists.

        Returns:
            int32 ids, as Embedding takes them (StringLookup gives int64): a NumPy scalar for a
            scalar; an array of the same shape for an array or a list of scalars; for a list of
            lists, a list of arrays, for they may differ in length.

        Raises:
            NotAdaptedError: Nothing was learned yet.
            SpecError: A value is no text, number or bool.
            SampleError: With `num_oov=0`, a value that was not learned; one of a kind that was
                not, or printed like a category of another kind.
        """
        table = self._tables.get(type(values))
        if table is not None:
            found = table.get(values)
            return self._miss(values) if found is None else found
        if not self.adapted:
            self._raise_not_adapted()
        if isinstance(values, list | tuple):
            return self._transform_list(values)
        if is_array(values):
            array = checked_array(values)
            ids = self._transform_list(array.ravel().tolist())
            return ids.reshape(array.shape) if isinstance(ids, np.ndarray) else ids
        return self._miss(values)

    def _transform_list(self, values: list[Any] | tuple[Any, ...]) -> Ids | list[Any]:
        types = set(map(type, values))
        if are_nested(types):
            return [self.transform(value) for value in values]
        tables = self._tables
        found: Iterable[Any]
        if len(types) == 1 and (only := tables.get(next(iter(types)))) is not None:
            found = map(only.get, values, repeat(-1))
        else:
            found = (tables[t].get(v, -1) if (t := type(v)) in tables else -1 for v in values)
        ids = np.fromiter(found, np.int32, len(values))
        for k in np.flatnonzero(ids < 0).tolist():
            ids[k] = self._miss(values[k])
        return ids

    def _miss(self, value: Any) -> np.int32:
        """Returns the id of what is not in the tables as it is."""
        category = plain(value)
        if category is None and self._reserved:
            return np.int32(0)  # The mask's id, or the first OOV id.
        found = None if category is None else self._tables[type(category)].get(category)
        if found is not None:
            return found
        if category is not None and (
            KINDS[type(category)] not in self._kinds or printed(category) in self._printed
        ):
            raise of_new_kind(category, self._categories)
        if category is None or not self.num_oov:
            raise unlearned(value, self._categories)
        return np.int32(self._first_oov + bucket_of(category, self.num_oov))

    def _learn(self, values: Any) -> None:
        if not isinstance(values, list | tuple) and not (is_array(values) and np.ndim(values)):
            raise SpecError(
                "this is no chunk of samples",
                got=values,
                expected="a list or an array, of categories or of lists of tokens",
                fix="put the values of several samples in a list",
            )
        leaves = leaves_of(values)
        types = set(map(type, leaves))
        if len(types) == 1 and types <= {str, int, bool}:
            self._counts[KINDS[types.pop()]].update(leaves)
            return
        for category in map(plain, leaves):
            if category is not None:
                self._counts[KINDS[type(category)]][category] += 1

    def _settle(self) -> None:
        if self.mask is not None:
            self._counts[KINDS[type(self.mask)]].pop(self.mask, None)
        if not any(self._counts.values()):
            self._raise_nothing_seen()
        kinds = {kind for kind, counts in self._counts.items() if counts}
        check_distinct(self._counts[str], chain(self._counts[bool], self._counts[float]))
        counted = [
            (-count, rank, category)
            for rank, kind in enumerate((bool, float, str))
            for category, count in self._counts[kind].items()
            if count >= self.min_count
        ]
        counted.sort()
        room = None if self.max_size is None else self.max_size - self._reserved
        self._set([category for _, _, category in counted[:room]], kinds)

    def _set(self, categories: list[Category], kinds: set[type]) -> None:
        self._counts = defaultdict(Counter)
        self._categories, self._kinds = tuple(map(canonical, categories)), kinds
        self._printed = set(map(printed, self._categories)) if len(kinds) > 1 else set()
        self._tables = self._made_tables()

    def _made_tables(self) -> dict[type, dict[Any, np.int32]]:
        # Tables by type, for 1 == True in one dict; NumPy's scalars, for making one takes longer
        # than to look it up.
        numbers: dict[Any, np.int32] = {}
        tables: dict[type, dict[Any, np.int32]] = {str: {}, bool: {}, int: numbers, float: numbers}
        if self.mask is not None:
            tables[type(self.mask)][self.mask] = np.int32(0)
        for k, category in enumerate(self._categories, self._reserved):
            tables[type(category)][category] = np.int32(k)
        return tables

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.adapted:
            self._tables = self._made_tables()

    def _learned(self) -> str:
        return f"{len(self):,} ids"

    def _config(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in ("max_size", "min_count", "num_oov", "mask")}

    def _state(self) -> dict[str, Any]:
        # Kinds of which all categories fell away are known as well.
        rare = self._kinds.difference(KINDS[type(each)] for each in self._categories)
        also = {"rare_kinds": sorted(NAMES[kind] for kind in rare)} if rare else {}
        return {"categories": list(self._categories), **also}

    def _restore(self, state: dict[str, Any]) -> None:
        categories = state["categories"]
        check_saved(categories, self.mask)
        if self.max_size is not None and len(categories) + self._reserved > self.max_size:
            raise ValueError("there are more categories than max_size allows")
        kinds = {kind for kind, name in NAMES.items() if name in state.get("rare_kinds", ())}
        self._set(categories, kinds.union(KINDS[type(each)] for each in categories))
