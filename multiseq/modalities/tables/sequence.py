"""`TableSequence`: numeric and categorical columns of a table."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...engine.job import Layout
from ...errors import ArgumentError
from ...keys.rows import rows_beside
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...samples import Sample, Structure
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.delimited import Reading
from ...sources.tables import as_frame
from ...transforms import Standardize, Transform, Vocabulary, as_transform
from .columns import categories, column, nearest, numbers
from .inputs import Categories, Encoded, Frame, Numbers
from .naming import as_list, key_columns, names_within, target_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableSequence"]

Array = npt.NDArray[Any]

_NUMERIC, _WHOLE = "numeric", "inputs"  # Names of inputs that the user gave none.


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
            or anything else with `to_pandas()`. Of a .csv, pandas takes "NA" and the like for
            missing: read it yourself where that is a category. Keys and categories such as `007`,
            `1e5` or `1.10`, which no number prints as, make their column text.
        targets: A column's name, a list of them (for targets of shape (m,)), an array, or a
            Series (aligned by its index); for several outputs, a tuple or a dict of those. A list
            that holds the name of a column is one of names: values are then passed as an array.
        numeric: Names of columns, or lists of them by input name.
        categorical: Names of columns, which hold text, numbers or booleans; or such by input name.
        transforms: By the name of the input: a transform, or one of scikit-learn's, in place of
            the default; None leaves the values as they are. Or a transform of the whole table,
            such as a `ColumnTransformer`: it gets a DataFrame of `numeric` and `categorical` (of
            all columns but keys, targets and weights if none is named), and its result is the
            only input.
        keys: The name of a column, a list of names (for keys of several levels), or the samples'
            keys in order; by default the frame's index.
        sample_weight: As `targets`.
        sep: What is between the cells of a CSV file.
        decimal: The decimal mark in a CSV file.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated or missing, or `targets` lacks one.
        ArgumentError: A column does not exist, or does not hold what it should.
        MissingPackageError: pyarrow, which reads Parquet, is not installed.
        SourceError: The file is missing or damaged, or its rows and header differ in width.
    """

    checks_weights = False  # They are, when it is made.

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
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        labels = names_within(keys, categorical)
        # Only a transform of the whole table gets columns that nothing names.
        rest = not labels.union(names_within(numeric)) - names_within(keys)
        asked = names_within(numeric, targets, sample_weight)
        how = Reading(None, labels - asked, asked if rest else None, sep, decimal)
        table = as_frame(frame, how)
        index, others = key_columns(table, keys)
        self._source_rows = () if keys is None else rows_beside(index, table.index)
        super().__init__(index, **keywords)
        if len(self.keys) != len(table):
            raise ArgumentError(
                "keys and rows differ in number",
                got=f"{len(self.keys)} keys for {len(table)} rows",
            )
        values, outputs = target_columns(table, targets, "targets", self.keys)
        weights, more = target_columns(table, sample_weight, "sample_weight", self.keys)
        goals = Targets(values, weights, self.keys, self._source_rows).parts
        plan = _Plan(table, numeric, categorical, transforms)
        sample = (plan.inputs(outputs, {*others, *more}), *goals)
        self._structure = Structure(sample)
        self._leaves: list[Any] = self._structure.flatten(sample)
        self._transforms = {
            leaf.name: leaf.transform
            for leaf in self._leaves
            if isinstance(leaf, Encoded) and leaf.transform is not None
        }

    def load_sample(self, index: int) -> Sample:
        """Returns a row: the numeric input of shape (k,), ids of shape (), and the targets."""
        # Copied, for `augment` may write into them.
        return self._structure.unflatten([array[index].copy() for array in self._arrays()])

    def target_rows(self, indices: Indices) -> Any:
        """The rows of the targets."""
        return self._structure.targets(lambda number: self._leaves[number][indices])

    def load_batch(self, indices: Indices) -> Any:
        """Takes rows straight into batch memory."""
        leaves = []
        for array in self._arrays():
            if array.dtype.kind in "UST":
                leaves.append(array[indices])
                continue
            rows = aligned_empty((len(indices), *array.shape[1:]), array.dtype)
            # "clip" writes without a buffer; indices are in range.
            array.take(indices, axis=0, out=rows, mode="clip")
            leaves.append(rows)
        return self._structure.unflatten(leaves)

    @property
    def transforms(self) -> Mapping[str, Transform]:
        """The transforms by the name of their input; one of the whole table is "inputs"."""
        return dict(self._transforms)

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
        other._leaves, other._transforms = self._arrays(), {}
        return other

    def raw_rows(self, indices: Indices) -> dict[str, Any]:
        """The same of several rows."""
        return {
            leaf.name: leaf.rows(indices)
            for leaf in self._leaves
            if isinstance(leaf, Encoded) and leaf.name in self._transforms
        }

    def _arrays(self) -> list[Array]:
        return [leaf.array() if isinstance(leaf, Encoded) else leaf for leaf in self._leaves]


class _Plan:
    """Which columns make which input, and how they are transformed."""

    def __init__(
        self, table: pd.DataFrame, numeric: Any, categorical: Any, transforms: Any
    ) -> None:
        self._table = table
        self._alone = not isinstance(numeric, Mapping)
        groups = {_NUMERIC: numeric} if self._alone else numeric
        named = _by_text({name: as_list(table, columns) for name, columns in groups.items()})
        self._numeric = {name: columns for name, columns in named.items() if columns}
        pairs = (
            list(categorical.items())
            if isinstance(categorical, Mapping)
            else [(each, each) for each in as_list(table, categorical)]
        )
        self._check([*named.values(), [name for name, _ in pairs]])
        self._categorical = _by_text(dict(pairs))
        self._names = [*self._numeric, *self._categorical]
        lists = list(self._numeric.values())
        columns = itertools.chain(*lists, self._categorical.values())
        self._columns = list(dict.fromkeys(columns))
        for each in self._columns:
            column(table, each)
        given = {} if transforms is None else transforms
        if not isinstance(given, Mapping):
            given = {_WHOLE: given}
        self._whole = _WHOLE in given and _WHOLE not in self._names
        self._given = {
            name: None if each is None else as_transform(each) for name, each in given.items()
        }
        self._check_names()

    def _check(self, lists: list[list[Any]]) -> None:
        twice = [each for names in lists for each, n in Counter(names).items() if n > 1]
        if twice:
            raise ArgumentError(f"{twice[0]!r} is named twice", fix="name each column once")

    def _check_names(self) -> None:
        twice = [name for name in self._numeric if name in self._categorical]
        if twice:
            raise ArgumentError(
                f"{twice[0]!r} is named twice",
                fix="name each column once; where two inputs have one name, give them others: "
                "numeric={'name': [...]}, categorical={'name': 'column'}",
            )
        for name in self._given:
            if name not in (self._names if not self._whole else [_WHOLE]):
                raise ArgumentError(
                    f"transforms: {name!r} is no input",
                    got=f"inputs {[_WHOLE] if self._whole else self._names}",
                    fix=f"give the column an input of its own, by numeric={{{name!r}: ...}}"
                    if name in self._columns
                    else nearest(name, self._names or [_WHOLE]),
                )

    def inputs(self, outputs: list[Any], others: set[Any]) -> Any:
        """Returns the inputs, nested as in a sample.

        Args:
            outputs: The columns that are targets.
            others: The columns that are keys or weights.
        """
        if leaked := [each for each in self._columns if each in outputs]:
            raise ArgumentError(
                f"the target {leaked[0]!r} is also an input", fix="take it out of the inputs"
            )
        others = others.union(outputs)
        table, given, n = self._table, self._given, len(self._table)
        if self._whole:
            columns = self._columns or [each for each in table.columns if each not in others]
            for each in columns:
                column(table, each)
            return Frame(_WHOLE, given[_WHOLE], table[columns])
        if not self._names:
            raise self._nothing_named(others)
        nested: dict[str, Encoded] = {}
        for name, columns in self._numeric.items():
            arrays = [numbers(table[each]) for each in columns]
            nested[name] = Numbers(name, given.get(name, Standardize()), arrays, n)
        for name, each in self._categorical.items():
            codes, found = categories(table[each])
            nested[name] = Categories(name, given.get(name, Vocabulary()), codes, found)
        return nested[_NUMERIC] if self._alone and not self._categorical else nested

    def _nothing_named(self, others: set[Any]) -> ArgumentError:
        free = [each for each in self._table.columns if each not in others]
        kinds = {each: self._table[each].dtype.kind for each in free}
        numeric = [each for each in free if kinds[each] in "biufmM"]
        rest = [each for each in free if each not in numeric]
        return ArgumentError(
            "no column is named as an input",
            fix=f"such as numeric={numeric}, categorical={rest}",
        )


def _by_text(named: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns a dict by names as text.

    Raises:
        ArgumentError: Two become one.
    """
    found: dict[str, Any] = {}
    for name, value in named.items():
        if str(name) in found:
            alike = [each for each in named if str(each) == str(name)]
            raise ArgumentError(
                "two inputs would have one name",
                got=f"{alike[0]!r} and {alike[1]!r}",
                fix="give them others: numeric={'name': [...]}, categorical={'name': column}",
            )
        found[str(name)] = value
    return found
