"""Which columns of a table make which input, and what is done to them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError
from ...pipeline import own_steps
from ...transforms import Standardize, Vocabulary
from ...transforms.labelled import categories_of
from ...transforms.missing import FillMean
from ...transforms.steps import Chain
from .columns import categories, column, is_name
from .inputs import Categories, Encoded, Frame, Numbers
from .naming import as_list

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan"]

_NUMERIC, _WHOLE = "numeric", "inputs"  # Names of inputs that the user gave none.


class Plan:
    """Which columns make which input, and how they are transformed.

    Attributes:
        missing: What `missing=` says of what are no inputs.
    """

    def __init__(
        self, table: pd.DataFrame, numeric: Any, categorical: Any, transforms: Any, missing: Any
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
        for name, each in pairs:
            _check_one(table, name, each)
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
        self._check_names(given)
        self._chains, self.missing = self._own_steps(given, missing)

    def _check(self, lists: list[list[Any]]) -> None:
        twice = [each for names in lists for each, n in Counter(names).items() if n > 1]
        if twice:
            raise ArgumentError(f"{twice[0]!r} is named twice", fix="name each column once")

    def _own_steps(
        self, given: Mapping[Any, Any], missing: Any
    ) -> tuple[dict[str, tuple[Any, Chain]], Any]:
        """Returns the steps of each input by its name, each with the name they were given by."""
        names = [_WHOLE] if self._whole else self._names
        alone = self._whole or (self._alone and not self._categorical)
        full = [_WHOLE if alone else f"{_WHOLE}[{name!r}]" for name in names]
        steps = {name: Chain(()) if each is None else each for name, each in given.items()}
        for name, place in zip(names, full, strict=True):
            if not self._whole and not {name, place}.intersection(steps):
                steps[name] = Vocabulary() if name in self._categorical else Standardize()
        own = own_steps(steps, missing, full, names, fills=True, together=True)
        found = own.chains
        if self._whole and found[0][1].has_functions:
            raise ArgumentError(
                "a transform of the whole table cannot be a function",
                got=given[_WHOLE],
                expected="an object that fits and transforms DataFrames, or a tuple of those",
                fix="scikit-learn's FunctionTransformer(function) is one; or name an input for "
                "each: numeric={name: columns}, transforms={name: function}",
            )
        for number, (_, chain) in found.items():
            self._check_fill(names[number], chain)
        return {names[number]: each for number, each in found.items()}, own.missing

    def _check_fill(self, name: str, chain: Chain) -> None:
        """Refuses to fill what has no mean, or what a transform of the whole table is given."""
        mean = name in self._categorical and isinstance(next(iter(chain.steps), None), FillMean)
        if mean or (self._whole and chain.heeds_missing):
            raise ArgumentError(
                'missing="mean" is for numbers, and these are categories'
                if mean
                else "missing: a transform of the whole table is given what is there",
                fix="leave it out, since Vocabulary() has an id for what is missing; or name one: "
                f"missing={{{name!r}: category}}"
                if mean
                else "leave it out, and begin with scikit-learn's SimpleImputer()",
            ).at(input=name)

    def _check_names(self, given: Mapping[Any, Any]) -> None:
        twice = [name for name in self._numeric if name in self._categorical]
        if twice:
            raise ArgumentError(
                f"{twice[0]!r} is named twice",
                fix="name each column once; where two inputs have one name, give them others: "
                "numeric={'name': [...]}, categorical={'name': 'column'}",
            )
        for name in given:
            if name in self._columns and name not in self._names:
                raise ArgumentError(
                    f"transforms: {name!r} is no input, but one of several columns of an input",
                    got=f"inputs {[_WHOLE] if self._whole else self._names}",
                    fix=f"give the column an input of its own, by numeric={{{name!r}: ...}}",
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
        table = self._table
        if self._whole:
            columns = self._columns or [each for each in table.columns if each not in others]
            for each in columns:
                column(table, each)
            _check_alike(columns)
            return Frame(_WHOLE, *self._chains[_WHOLE], table[columns])
        if not self._names:
            raise self._nothing_named(others)
        _check_alike(self._columns)
        nested: dict[str, Encoded] = {}
        for name, columns in self._numeric.items():
            nested[name] = Numbers(name, *self._chains[name], table, columns)
        for name, each in self._categorical.items():
            codes, found = categories(table[each])
            declared = categories_of(table[each])
            nested[name] = Categories(name, *self._chains[name], codes, found, each, declared)
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


def _check_one(table: pd.DataFrame, name: Any, value: Any) -> None:
    """Raises ArgumentError where a categorical input is said to be of several columns."""
    if isinstance(value, Hashable) and (not isinstance(value, tuple) or is_name(table, value)):
        return
    names = list(value) if isinstance(value, list | tuple) else []
    fix = f"categorical={{{name!r}: {names[0]!r}}}" if len(names) == 1 else ""
    if len(names) > 1:
        own = ", ".join(f"{each!r}: {each!r}" for each in names)
        fix = f"give each an input of its own: categorical={{{own}}}"
    raise ArgumentError(
        f"the categorical input {name!r} is not of one column",
        got=value,
        expected="the name of one column",
        fix=fix,
    )


def _by_text(named: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns a dict by names as text.

    Raises:
        ArgumentError: Two become one.
    """
    if alike := _alike(named):
        raise ArgumentError(
            "two inputs would have one name",
            got=f"{alike[0]!r} and {alike[1]!r}",
            fix="give them others: numeric={'name': [...]}, categorical={'name': column}",
        )
    return {str(name): value for name, value in named.items()}


def _alike(names: Iterable[Any]) -> tuple[Any, Any] | None:
    """Returns two names that are one as text, if there are such."""
    found: dict[str, Any] = {}
    for name in names:
        if str(name) in found:
            return found[str(name)], name
        found[str(name)] = name
    return None


def _check_alike(columns: Sequence[Any]) -> None:
    """Raises ArgumentError where records, whose names are text, could not tell columns apart."""
    if alike := _alike(columns):
        raise ArgumentError(
            "two columns have one name as text",
            got=f"{alike[0]!r} and {alike[1]!r}",
            fix=f"give one of them another: frame.rename(columns={{{alike[1]!r}: 'other'}})",
        )
