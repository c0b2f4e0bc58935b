"""Tables as pandas DataFrames, from whatever users have them in."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import EXACT, check_unmasked
from ..errors import (
    AlignmentError,
    ArgumentError,
    MissingPackageError,
    MultiseqError,
    SourceError,
    few,
)
from ..keys.rows import same_index
from .delimited import Reading, read_delimited

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_frame"]

_PLAINLY = Reading()
_CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst")
_PARQUET = (".parquet", ".pq")


def as_frame(table: Any, how: Reading = _PLAINLY) -> pd.DataFrame:
    """Returns a table as a DataFrame.

    Args:
        table: A DataFrame, an Arrow table or what else has `to_pandas`, a dict of columns (of
            which Series have one index, that of the table), or the path of a CSV or Parquet file.
        how: How a file is read.

    Raises:
        AlignmentError: Columns in a dict have other indexes.
        ArgumentError: It is none of these, or has no rows; columns in a dict hold masked values;
            or `sep` or `decimal` are given for what is no CSV file.
        MissingPackageError: For Parquet, which pyarrow reads.
        SourceError: The file is missing or damaged, or its rows and header differ in width.
    """
    import pandas as pd

    frame: Any = table
    path = str(os.fspath(table)) if isinstance(table, str | os.PathLike) else ""
    if (how.sep, how.decimal) != (",", ".") and not path.lower().endswith(_CSV):
        raise ArgumentError(
            "sep= and decimal= are for CSV files", got=table, fix="take them out of the call"
        )
    if path:
        frame = _read_file(path, how)
    elif isinstance(table, Mapping):
        frame = _of_columns(table)
    elif not isinstance(table, pd.DataFrame) and callable(getattr(table, "to_pandas", None)):
        frame = _of_arrow(table) if _is_arrow(table) else table.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise ArgumentError(
            "this is no table",
            got=table,
            expected="a pandas DataFrame, an Arrow table, a dict of columns, or the path of a .csv "
            "or .parquet file",
            fix="make one of it: pandas.DataFrame(...); or use ArraySequence for arrays",
        )
    if not len(frame):
        raise ArgumentError("the table has no rows", got=f"columns {list(frame.columns)}")
    return frame


def _of_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    made = {name: _column(name, values) for name, values in columns.items()}
    indexes = {name: each.index for name, each in made.items() if isinstance(each, pd.Series)}
    first = next(iter(indexes), None)
    for name, index in indexes.items():
        if not same_index(index, indexes[first]):  # pandas would put rows in another order.
            raise AlignmentError(
                f"column {name!r} has another index than {first!r}",
                got=f"{few(index, 3)}, and {few(indexes[first], 3)} of {first!r}",
                expected="columns of one index, whose labels are the keys",
                fix="pass pandas.DataFrame(columns) where rows of one label belong together; or "
                "values.to_numpy() of each where those of one position do",
            )
    try:
        return pd.DataFrame(made)
    except ValueError as error:
        raise ArgumentError("the columns make no table", got=str(error)) from error


def _column(name: Any, values: Any) -> Any:
    """Returns a column as pandas takes it, with nothing in it changed."""
    import pandas as pd

    check_unmasked(values, f"column {name!r}")
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return values
    if _is_arrow(values):
        import pyarrow

        return _of_arrow(pyarrow.table({str(name): values})).iloc[:, 0]
    if not isinstance(values, list | tuple):
        return np.asarray(values)
    # NumPy makes text of the NaN in ["a", NaN], and an integer of the bool in [True, 1].
    objects = np.empty(len(values), object)
    objects[:] = values
    found = pd.Series(objects).infer_objects()
    if found.dtype.kind == "f" and any(
        isinstance(each, Integral) and not -EXACT <= int(each) <= EXACT for each in values
    ):
        return objects
    return found.array


def _is_arrow(values: Any) -> bool:
    if type(values).__module__.partition(".")[0] == "pyarrow":  # Older ones lack the protocol.
        return True
    return any(hasattr(values, f"__arrow_c_{kind}__") for kind in ("stream", "array"))


def _of_arrow(table: Any) -> pd.DataFrame:
    """Returns what follows Arrow's protocol for tables as a DataFrame."""

    def whole(_: list[str]) -> Any:
        import pyarrow

        return pyarrow.table(table)

    return _with_integers(table.to_pandas(), whole)


def _with_integers(frame: pd.DataFrame, read: Callable[[list[str]], Any]) -> pd.DataFrame:
    """Puts integers in the place of the floats that pandas makes of them beside missing ones.

    Only where float64 would not tell them apart, as of ids of 64 bits.

    Args:
        frame: The table as pandas has it.
        read: Returns the columns of these names as an Arrow table.
    """
    import pandas as pd

    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    doubtful = {
        place: str(column.name)
        for place, column in enumerate(columns)
        if column.dtype == np.float64 and max(column.max(), -column.min()) >= EXACT
    }
    if not doubtful:
        return frame
    from pyarrow import types

    frame, table = frame.copy(deep=False), read([*doubtful.values()])
    for place, name in doubtful.items():
        field = table.schema.get_field_index(name)  # -1 where there are several.
        if field >= 0 and types.is_integer(kind := table.schema.field(field).type):
            dtype: Any = pd.UInt64Dtype if types.is_unsigned_integer(kind) else pd.Int64Dtype
            frame.isetitem(place, dtype().__from_arrow__(table.column(field)))
    return frame


def _read_file(path: str, how: Reading) -> pd.DataFrame:
    if not path.lower().endswith(_CSV + _PARQUET):
        raise ArgumentError(
            "the path is of no known kind of table",
            got=path,
            expected=".csv, also compressed (.csv.gz), or .parquet",
            fix="read it with pandas, and pass the DataFrame",
        )
    if not os.path.isfile(path):  # pandas would take an address, and wait for a pipe.
        what = "is no file" if os.path.exists(path) else "does not exist"
        raise SourceError(f"the table's file {what}", got=path, fix="correct the path")
    parquet = path.lower().endswith(_PARQUET)
    try:
        return _read_parquet(path, how.wanted) if parquet else read_delimited(path, how)
    except ImportError as error:
        raise MissingPackageError(
            f"{'pyarrow' if parquet else 'zstandard'} reads {path}, and is not installed",
            got=str(error),
            fix='pip install "multiseq[arrow]"' if parquet else "pip install zstandard",
        ) from error
    except SourceError as error:
        error.what = f"{path}: {error.what}"
        raise
    except MultiseqError:
        raise
    except Exception as error:  # Damaged files make pandas, pyarrow and gzip raise what they will.
        raise SourceError(
            f"{path} cannot be read as a table",
            got=f"{type(error).__name__}: {error}",
            fix="restore it; or read it with pandas, and pass the DataFrame",
        ) from error


def _read_parquet(path: str, wanted: Collection[Any] | None) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import parquet

    names = None
    if wanted is not None:
        names = [name for name in parquet.read_schema(path).names if name in wanted]
    frame = pd.read_parquet(path, engine="pyarrow", columns=names)
    with open(path, "rb") as file:
        return _with_integers(frame, lambda some: parquet.read_table(file, columns=some))
