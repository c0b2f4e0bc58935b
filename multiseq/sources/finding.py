"""Media files: finding them in folders, naming samples after them, opening them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import ArgumentError, SourceError

__all__ = ["attempt", "file_keys", "find_files"]

Path = str | os.PathLike[str]
Result = TypeVar("Result")


def find_files(
    source: str, root: Path | None, suffixes: tuple[str, ...], what: str
) -> tuple[list[str], Path | None]:
    """Lists the files of a folder or a pattern, sorted.

    Args:
        source: The folder, in which all files with one of the suffixes count; or a pattern.
        root: What the source is relative to.
        suffixes: Endings in lower case; `("",)` for any.
        what: What the files hold, such as "sound", for errors.

    Returns:
        The paths, and the folder that they are relative to.

    Raises:
        ArgumentError: There are none.
    """
    folder = source if root is None else os.path.join(root, source)
    if os.path.isdir(folder):
        below = glob.iglob("**/*", root_dir=folder, recursive=True)
        files = [path for path in below if path.lower().endswith(suffixes)]
        if "" in suffixes:
            files = [path for path in files if not os.path.isdir(os.path.join(folder, path))]
        if root is None:
            root = folder
        else:  # Which nothing may leave, the source included.
            files = [os.path.join(source, path) for path in files]
    else:
        files = glob.glob(source, root_dir=root, recursive=True)
    if not files:
        raise ArgumentError(
            f"no {what} files were found",
            got=os.path.abspath(folder),
            expected=f"a folder that holds some, or a pattern such as 'train/*{suffixes[0]}'",
            fix="correct the path; put a single file in a list",
        )
    return sorted(files), root


def file_keys(paths: Sequence[str]) -> Any:
    """Returns the names of files without folder and ending where they differ, else their paths."""
    import pandas as pd

    def index(texts: Sequence[str]) -> Any:
        try:
            return pd.Index(texts)
        except UnicodeEncodeError:  # Odd bytes in a name, which Arrow's strings cannot hold.
            return pd.Index(texts, dtype=object)

    names = index([os.path.splitext(os.path.basename(path))[0] for path in paths])
    return names if names.is_unique else index(paths)


def attempt(read: Callable[[], Result]) -> Result:
    """Calls a function that opens or reads a file.

    Raises:
        SourceError: The system refused.
    """
    try:
        return read()
    except SourceError:
        raise
    except (OSError, ValueError) as error:  # A NUL character in a path is a ValueError.
        raise SourceError(
            "the file cannot be read",
            got=getattr(error, "strerror", None) or str(error),
            fix="restore the file, correct its path, or leave its key out",
        ) from error
