"""`TableSequence`: numeric and categorical columns of a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...base.encoding import Records
from ...base.labelling import key_of
from ...engine.job import Layout
from ...errors import ArgumentError
from ...keys.labelled import Samples
from ...keys.rows import rows_beside
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...pipeline import names_given, parted
from ...plots.kinds import Kind, Named
from ...plots.naming import undo_of
from ...samples import Sample, Structure, copied
from ...sequence import MultiInputSequence
from ...settings import OtherKeywords
from ...sources.delimited import Reading
from ...sources.tables import as_frame
from ...transforms import Transform
from ...transforms.steps import Chain, shown
from .columns import frame_of
from .inputs import Categories, Encoded, Numbers
from .naming import classes_within, key_columns, names_within, target_columns
from .plan import Plan

__all__ = ["TableSequence"]

Array = npt.NDArray[Any]


class TableSequence(MultiInputSequence):
    """One sample is numeric and categorical columns of a row of a table.

    The numeric columns are one input, "numeric", float32 of shape (k,), standardized. Each
    categorical column is an input by its own name: an int32 id of shape (), as an Embedding takes
    it. Inputs are a dict of these; where there are numeric columns alone, they are the array
    itself. For several numeric inputs, give them names: `numeric={"size": ["height", "width"],
    "price": ["price"]}`; a dict names categorical inputs as well: `categorical={"from": "city"}`.

    `adapt()` learns the transforms from the training split alone. By default these are a
    `Standardize()` for each numeric input, and a `Vocabulary()` for each categorical one, of which
    `len(seq.transforms["city"])` is the `input_dim` of the Embedding.

    - A number that is missing becomes 0 under `Standardize`, which is the mean. To have columns
      that say so, or with another transform: `make_pipeline(SimpleImputer(add_indicator=True),
      StandardScaler())` of scikit-learn.
    - A category that is missing, or that the training split does not hold, has id 0. Under
      `Vocabulary(mask="")`, 0 is for missing ones alone, and 1 for unknown ones.
    - Dates among the numeric columns (text in ISO 8601 too) are seconds since 1970-01-01 UTC,
      durations are seconds, booleans 0 and 1; all in float64 until they are transformed. Dates
      without a time zone are taken as UTC.

    The whole table is transformed once, when it is first used, and kept as arrays: a batch takes
    its rows from there, and worker processes share them and need no pandas.

    Example:
        >>> films = TableSequence(
        ...     "films.csv", "rating", numeric=["year", "minutes"], categorical=["genre"], keys="id"
        ... )
        >>> train, test = films.split(0.8, 0.2)
        >>> train.adapt()
        >>> year_and_minutes = keras.Input((2,), name="numeric")
        >>> genre = keras.Input((), name="genre", dtype="int32")
        >>> vector = keras.layers.Embedding(len(films.transforms["genre"]), 8)(genre)

    A second table that shares what the first has learned: `TableSequence(other, ...,
    transforms=films.transforms)`.

    Args:
        frame: A DataFrame; the path of a .csv (also compressed) or .parquet file; an Arrow table,
            or anything else with `to_pandas()`; a dict of columns (Series of one index, lists,
            arrays). Of a .csv, pandas takes "NA" and the like for missing: read it yourself where
            that is a category. Keys, categories and classes (of `Labels`) such as `007`, `1e5` or
            `1.10`, which no number prints as, make their column text.
        targets: A column's name, a list of them (for targets of shape (m,)), an array, or a
            Series (aligned by its index); for several outputs, a tuple or a dict of those. A list
            that holds the name of a column is one of names: values are then passed as an array.
        numeric: Names of columns, or lists of them by input name.
        categorical: Names of columns, which hold text, numbers or booleans; or such by input name.
        transforms: By the name of the input, in place of the default: a transform, or one of
            scikit-learn's, a function, or a tuple of any number of those, which learn one after
            the other; None leaves the values as they are. A function is given one row: float64 of
            shape (k,), NaN for what is missing; of a categorical column the category, None for a
            missing one. Or a transform of the whole table (or a tuple of them, no functions), such
            as a `ColumnTransformer`: it gets a DataFrame of `numeric` and `categorical` (of all
            columns but keys, targets and weights if none is named), and its result is the only
            input. Also steps of targets, by their names.
        keys: The name of a column or of a level of the index, a list of names (for keys of
            several levels), or the samples' keys in order; by default the frame's index.
        sample_weight: As `targets`.
        sep: What is between the cells of a CSV file.
        decimal: The decimal mark in a CSV file.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated or missing, or `targets` lacks one; or Series in a
            dict have other indexes.
        ArgumentError: A column does not exist, or does not hold what it should.
        MissingPackageError: pyarrow, which reads Parquet, is not installed.
        SourceError: The file is missing or damaged, or its rows and header differ in width.
    """

    checks_weights = False  # They are, when it is made.
    _are_alike = True

    def __init__(
        self,
        frame: Any,
        targets: Any = None,
        *,
        numeric: Any = (),
        categorical: Any = (),
        transforms: Any = None,
        keys: Any = None,
        sample_weight: Any = None,
        sep: str = ",",
        decimal: str = ".",
        **keywords: Unpack[OtherKeywords],
    ) -> None:
        labels = names_within(keys, categorical)
        # Only a transform of the whole table gets columns that nothing names.
        rest = not labels.union(names_within(numeric)) - names_within(keys)
        classes = classes_within(targets, transforms)
        behind = classes_within(targets, transforms, behind=True)
        asked = names_within(numeric, targets, sample_weight) - classes - behind
        numbers = asked if rest or behind else None
        how = Reading(None, (labels | classes) - asked, numbers, sep, decimal)
        table = as_frame(frame, how)
        index, others = key_columns(table, keys)
        self._source_rows = () if keys is None else rows_beside(index, table.index)
        transforms, given = parted(transforms, targets)
        plan = Plan(table, numeric, categorical, transforms, keywords.get("missing"))
        base: Any = {**keywords, "transforms": given, "missing": plan.missing}
        super().__init__(index, **base)
        if len(self.keys) != len(table):
            raise ArgumentError(
                "keys and rows differ in number",
                got=f"{len(self.keys)} keys for {len(table)} rows",
            )
        named = names_given(base)
        samples = Samples(self.keys, self._source_rows)
        values, outputs = target_columns(table, targets, "targets", samples, named)
        weights, more = target_columns(table, sample_weight, "sample_weight", samples)
        goals = Targets(values, weights, self.keys, self._source_rows, named=named).parts
        sample = (plan.inputs(outputs, {*others, *more}), *goals)
        some = dict(enumerate(targets)) if isinstance(targets, tuple) else targets
        named_by = some.items() if isinstance(some, Mapping) else [(None, some)]
        self._goal_columns = {key: each for key, each in named_by if _are_names(each, outputs)}
        self._structure = Structure(sample)
        self._leaves: list[Any] = self._structure.flatten(sample)

    def _steps_at(self, leaf: str) -> tuple[Any, ...]:
        named = dict(zip(self._structure.names, self._leaves, strict=True))
        own = named.get(leaf)  # The only input has another name in `transforms=`.
        return own.chain.steps if isinstance(own, Encoded) else super()._steps_at(leaf)

    def learn_transforms(self, stage: int, indices: Indices, progress: str | None) -> None:
        """As of any sequence; categories are also those that a column is declared to have."""
        for leaf in self._leaves if stage == 0 else ():
            if isinstance(leaf, Categories):
                leaf.declare()
        super().learn_transforms(stage, indices, progress)

    def load_sample(self, index: int) -> Sample:
        """Returns a row: the numeric input of shape (k,), ids of shape (), and the targets."""
        # Copied, for `augment` may write into them.
        return copied(self._structure.unflatten([array[index] for array in self._arrays()]))

    def target_rows(self, indices: Indices) -> Any:
        """The rows of the targets."""
        return self._structure.targets(lambda number: self._leaves[number][indices])

    def load_batch(self, indices: Indices) -> Any:
        """Takes rows straight into batch memory."""
        leaves = []
        for array in self._arrays():
            if array.dtype.kind in "USTO":
                leaves.append(array[indices])
                continue
            rows = aligned_empty((len(indices), *array.shape[1:]), array.dtype)
            # "clip" writes without a buffer; indices are in range.
            array.take(indices, axis=0, out=rows, mode="clip")
            leaves.append(rows)
        return self._structure.unflatten(leaves)

    def _raw_fields(self) -> list[str]:
        leaves = [leaf for leaf in self._leaves if isinstance(leaf, Encoded)]
        return list(dict.fromkeys(name for leaf in leaves for name in leaf.names))

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        frame = frame_of(records, self._raw_fields())
        other._structure = self._structure.of_inputs()
        other._leaves = [leaf.over(frame) for leaf in self._leaves if isinstance(leaf, Encoded)]
        return other

    @property
    def transforms(self) -> Mapping[str, Transform]:
        """The transforms by the name of their input; one of the whole table is "inputs"."""
        return shown(self._own_chains())

    def _own_chains(self) -> dict[Any, Chain]:
        leaves = [leaf for leaf in self._leaves if isinstance(leaf, Encoded)]
        return {leaf.called: leaf.chain for leaf in leaves if leaf.chain.steps}

    def _columns_of(self, name: Any) -> tuple[str, ...]:
        for leaf in self._leaves:
            if isinstance(leaf, Numbers) and leaf.called == name:
                return leaf.names
        return tuple(map(str, self._goal_columns.get(key_of(name), ())))

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        own = {
            name: Named(leaf.names, undo_of(leaf.chain))
            for name, leaf in zip(self._structure.names, self._leaves, strict=True)
            if isinstance(leaf, Numbers)
        }
        return {**super()._leaf_kinds, **own}

    def _as_read(self, index: int) -> dict[str, Any]:
        pairs = zip(self._structure.names, self._leaves, strict=True)
        rows = {n: leaf.rows(np.array([index])) for n, leaf in pairs if isinstance(leaf, Encoded)}
        return {n: each[0] for n, each in rows.items() if isinstance(each, np.ndarray)}

    def raw(self, index: int) -> Mapping[str, Any]:
        """What the transforms learn from: by their names, one row's values."""
        rows = self.raw_rows(np.array([index]))
        return {
            name: each[0] if isinstance(each, np.ndarray) else each for name, each in rows.items()
        }

    def make_layout(self) -> Layout:
        """As of any sequence, with the table transformed."""
        self._arrays()  # Here, lest what is wrong with it be put down to the first sample.
        return super().make_layout()

    def for_workers(self) -> Self:
        """Returns a copy that holds the arrays, and no table."""
        other = super().for_workers()
        other._leaves = self._arrays()
        return other

    def raw_rows(self, indices: Indices) -> dict[str, Any]:
        """The same of several rows."""
        return {
            leaf.called: leaf.chain.before_shown(leaf.rows(indices))
            for leaf in self._leaves
            if isinstance(leaf, Encoded) and leaf.chain.shown is not None
        }

    def _arrays(self) -> list[Array]:
        return [leaf.array() if isinstance(leaf, Encoded) else leaf for leaf in self._leaves]


def _are_names(targets: Any, outputs: list[Any]) -> bool:
    """Whether targets are a list of columns' names, and not of values."""
    return isinstance(targets, list) and all(
        isinstance(each, Hashable) and each in outputs for each in targets
    )
