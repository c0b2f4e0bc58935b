"""The inputs and targets of samples in files, and how each file is read for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...checks import text_refused
from ...dtypes import fix_of, is_fit
from ...errors import MultiseqError, SourceError, SpecError, said
from ...sources.folders import FileStore
from ...sources.foreign import Foreign, given_array
from ...stages import stage
from ...transforms import Holder
from ...transforms.base import is_missing
from ...transforms.steps import Chain, stacked
from .documents import as_array, as_column, read_json, read_txt
from .npy import ArrayStack, read_npz
from .tables import header_of, read_csv
from .templates import Template

__all__ = ["File", "FileLeaf", "by_file", "column_of", "value_of"]

_READERS: dict[str, Callable[..., list[Any]]] = {
    "npz": read_npz,
    "json": read_json,
    "txt": read_txt,
}


class FileLeaf(Holder):
    """One input or target that comes from files.

    Args:
        place: Its number among all of them.
        name: By which `transforms` know it.
        text: Its template.
        foreign: Reads its files, where a user's function does.

    Attributes:
        called: The name under which `transforms=` has steps for it.
        chain: Those steps.
        is_raw: Whether it is left as it is read, for the base to transform.
        header: Of the first key's table, where the leaf is a whole one: all others are to have it.
    """

    header: list[str] | None = None

    def __init__(self, place: int, name: Any, text: str, foreign: Foreign | None) -> None:
        self.place, self.name, self.text, self.foreign = place, name, text, foreign
        self.template = Template(text, foreign is not None)
        self.called, self.chain = name, Chain(())
        self.is_target = self.is_raw = False

    @property
    def may_lack(self) -> bool:
        """Whether a value may be missing, since something is done about it."""
        return self.is_raw or self.chain.heeds_missing

    @property
    def is_table(self) -> bool:
        """Whether it is the whole of a CSV file."""
        return self.template.kind == "csv" and self.template.field is None

    @stage("transform")
    def finish(self, column: Any) -> Any:
        """Turns values as read into what the model gets."""
        if self.is_raw:
            return column
        if self.chain.steps:
            column = self.chain.rows(column)
            if not self.chain.ends_in_function:
                return column
            column = stacked(column)
        for value in column if isinstance(column, list) else [column]:
            if isinstance(value, str) or value.dtype.kind in "US":
                raise self._takes_a_vocabulary(value)
            if not is_fit(value.dtype):
                raise SpecError(
                    f"{self.text} has a dtype that no model takes",
                    got=str(value.dtype),
                    expected="numbers or booleans, or a function in transforms= that makes some",
                    fix=f"transforms={{{self.name!r}: function}}; it is given one array: "
                    + fix_of(value.dtype),
                )
        return column

    def _takes_a_vocabulary(self, text: Any) -> SpecError:
        if self.is_target:
            return SpecError(got=text, **text_refused(self.text, self.name))
        return SpecError(
            f"{self.text} is text, and models take numbers",
            got=text,
            expected="a transform that makes numbers of it",
            fix=f"add transforms={{{self.name!r}: Vocabulary()}}, and call adapt() on the "
            "training sequence",
        )


class File(Holder):
    """One file of each sample, and the leaves that come from it."""

    def __init__(self, files: FileStore[str], leaves: Sequence[FileLeaf]) -> None:
        self.leaves, self.template, self._files = leaves, leaves[0].template, files
        self._foreign = leaves[0].foreign
        self._fields = [leaf.template.field for leaf in leaves]

    def read(self, keys: Sequence[Any]) -> list[Any]:
        """Reads this file of several samples.

        Returns:
            For each leaf an array with a leading axis of len(keys), or a list of arrays and
            strings where they are not alike.

        Raises:
            SourceError: A file is missing, damaged or refused; it says which.
        """
        paths = [self.template.name(str(key)) for key in keys]
        try:
            return self._read(paths)
        except SourceError as error:
            key = keys[paths.index(error.where.pop("file"))]
            error.what = f"{self.template.name(str(key))}: {error.what}"
            error.at(key=repr(key), input=", ".join(str(leaf.name) for leaf in self.leaves))
            raise

    @stage("decode")
    def _read(self, paths: Sequence[str]) -> list[Any]:
        if self.template.kind == "npy":
            stack = ArrayStack(len(paths), self._files)
            _each(stack.read, paths, paths)
            return [stack.result()]
        rows = _each(self._row, paths, paths)
        columns = zip(self.leaves, zip(*rows, strict=True), strict=True)
        return [column_of(values, paths, leaf.may_lack) for leaf, values in columns]

    def remember_header(self, keys: Iterable[Any]) -> None:
        """Has the header of the first key, in whole tables, be that of all.

        Where its file cannot be read, which is said when it is loaded, the next key's is.
        """
        tables = [leaf for leaf in self.leaves if leaf.is_table]
        for key in keys if tables else ():
            with contextlib.suppress(Exception):
                header = header_of(self.template.name(str(key)), self._files)
                for leaf in tables:
                    leaf.header = header
                return

    def _row(self, path: str) -> list[Any]:
        """The values of one file, one for each leaf."""
        if self._foreign is not None:
            return [given_array(self._foreign.read(self._files, path))]
        if self.template.kind == "csv":
            header = next((leaf.header for leaf in self.leaves if leaf.is_table), None)
            lacks = [leaf.may_lack for leaf in self.leaves]
            return read_csv(path, self._fields, self._files, lacks=lacks, like=header)
        return _READERS[self.template.kind](path, self._fields, self._files)


def _each(function: Callable[[Any], Any], values: Sequence[Any], paths: Sequence[str]) -> list[Any]:
    results = []
    for value, path in zip(values, paths, strict=True):
        try:
            results.append(function(value))
        except SourceError as error:
            error.at(file=path)
            raise
        except MultiseqError:
            raise
        except Exception as error:  # A damaged file can make a reader fail in any way.
            raise SourceError(
                "the file cannot be read",
                got=getattr(error, "strerror", None) or said(error),
                fix="restore it, or make the sequence anew",
            ).at(file=path) from error
    return results


def value_of(leaf: FileLeaf, files: FileStore[Any], which: Any) -> Any:
    """Returns what a leaf takes from one file."""
    if leaf.template.kind == "npy":
        stack = ArrayStack(1, files)
        _each(stack.read, [which], [str(which)])
        return stack.result()[0]
    (found,) = _each(File(files, [leaf])._row, [which], [str(which)])
    return found[0]


def column_of(values: Sequence[Any], paths: Sequence[str], may_lack: bool) -> Any:
    """Returns values of several samples as one array, or as a list where they are not alike."""
    column = as_column(values)
    if column is not None:
        return column
    if may_lack:
        return _each(_as_array_or_missing, values, paths)
    arrays = _each(as_array, values, paths)
    # Other dtypes are left apart: in one array, numbers among text or booleans would change.
    kinds = {(a.shape, a.dtype) if isinstance(a, np.ndarray) else None for a in arrays}
    return np.stack(arrays) if len(kinds) == 1 and None not in kinds else arrays


def _as_array_or_missing(value: Any) -> Any:
    return value if is_missing(value) else as_array(value, may_lack=True)


def by_file(files: FileStore[str], leaves: Sequence[FileLeaf]) -> list[File]:
    """Groups leaves by file; an array file is all one leaf, so each such leaf reads for itself."""
    groups: dict[Any, list[FileLeaf]] = {}
    for leaf in leaves:
        own = leaf.place if leaf.template.kind in ("npy", "") else None
        groups.setdefault((leaf.template.path, own), []).append(leaf)
    return [File(files, group) for group in groups.values()]
