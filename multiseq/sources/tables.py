"""Tables as pandas DataFrames, from whatever users have them in."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, MissingPackageError, MultiseqError, SourceError
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
        table: A DataFrame, an Arrow table or what else has `to_pandas`, a dict of columns, or the
            path of a CSV or Parquet file.
        how: How a file is read.

    Raises:
        ArgumentError: It is none of these, or has no rows; or `sep` or `decimal` are given for
            what is no CSV file.
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
        try:
            frame = pd.DataFrame({name: np.asarray(column) for name, column in table.items()})
        except ValueError as error:
            raise ArgumentError("the columns make no table", got=str(error)) from error
    elif not isinstance(table, pd.DataFrame) and callable(getattr(table, "to_pandas", None)):
        frame = table.to_pandas()
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
    return pd.read_parquet(path, engine="pyarrow", columns=names)
