"""`ArraySequence`: rows of arrays, in memory or in files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...base.encoding import Records, fields_of
from ...dtypes import check_unmasked, fix_of, is_fit
from ...errors import AlignmentError, ArgumentError, at_input, describe, few
from ...keys.plain import plain
from ...keys.rows import rows_beside
from ...keys.targets import Targets
from ...memory import BatchMemory
from ...order import Indices
from ...pipeline import by_name, names_given
from ...samples import Sample, Structure
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from .arrow import Place, columns_of, is_table, pieces_of, places_of
from .records import rows_of
from .stores import Chunks, MappedRows, Rearranged, Store, open_hdf5
from .unpacked import open_sparse, stacked_or_text
from .zarrs import open_zarr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArraySequence"]

Array = npt.NDArray[Any]

_LOOKED_AT = 1000  # Objects, to say what to do with them.
_MISSING = ("NoneType", "NAType")  # The latter is pandas'.


class ArraySequence(MultiInputSequence):
    """One sample is a row of each array.

    Beside what NumPy makes an array of, an array may be

    - a memory map, an HDF5 dataset (h5py) or a Zarr array: read row by row, never whole. Where an
      HDF5 dataset is not compressed, its file is mapped into memory. The file of a dataset may be
      closed afterwards, and must not be cut short while the sequence is in use.
    - a sparse matrix of SciPy's: its rows become dense batch by batch.
    - text: strings as NumPy has them, or objects that are all `str`.
    - a column of an Arrow table, or of a dataset of Hugging Face's `datasets`: numbers, booleans,
      or lists of those that are all of one length, without nulls. It is not copied, and where its
      file is mapped into memory, worker processes map it too.

    A whole table or dataset of those, or an HDF5 group, stands for the dict of its columns.

    Example:
        >>> file = h5py.File("scans.h5")
        >>> scans = ArraySequence({"scan": file["x"], "age": ages}, file["y"], batch_size=32)
        >>> rows = ArraySequence(dataset.select_columns(["a", "b"]), dataset["label"])

    Args:
        inputs: An array-like of shape (n, ...), or a tuple or a dict of those by input name.
            A list of arrays is refused: it may be meant as one array or as several.
            pandas objects give the keys by their index, which must be the same for all of them.
        targets: An array-like, a Series (aligned by its index), or a tuple or dict of those.
        sample_weight: The same; outputs that are left out of a dict have weight 1.
        keys: The samples' keys; by default the index of the first pandas input, else positions.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        ArgumentError: Inputs of unequal length, of objects, records, times or complex numbers, or
            none at all.
        AlignmentError: Keys that are duplicated or missing, or inputs with another index.
    """

    _are_alike = True

    def __init__(
        self,
        inputs: Any,
        targets: Any = None,
        sample_weight: Any = None,
        *,
        keys: Any = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        if is_table(inputs):
            inputs = columns_of(inputs)
        named = _named(inputs)
        arrays = {name: _checked(name, value) for name, value in named.items()}
        n = _common_length(arrays)
        index = _common_index(named)
        self._source_rows = () if keys is None else rows_beside(keys, index)
        keys = index if keys is None else keys
        super().__init__(n if keys is None else keys, **by_name(keywords, inputs, targets))
        if len(self.keys) != n:
            raise ArgumentError(
                "there are more or fewer keys than rows",
                got=f"{len(self.keys)} keys, {n} rows",
            )
        stores: dict[int, Store] = {}
        targets = _with_stand_ins(targets, "targets", stores)
        sample_weight = _with_stand_ins(sample_weight, "sample_weight", stores)
        known = n if keys is None else self.keys
        rest = Targets(
            targets, sample_weight, known, self._source_rows, named=names_given(keywords)
        ).parts
        nested: Any = tuple(arrays.values())
        if isinstance(inputs, Mapping):
            nested = arrays
        elif not isinstance(inputs, tuple):
            nested = nested[0]
        sample = (nested, *rest)  # of whole arrays instead of rows
        self._structure = Structure(sample)
        self._arrays: list[Any] = [
            stores.get(id(leaf), leaf) for leaf in self._structure.flatten(sample)
        ]
        self.checks_weights = bool(stores)
        self._memory = BatchMemory([(array.shape[1:], array.dtype) for array in self._arrays])
        self._direct = all(
            isinstance(array, Store) or (isinstance(array, np.ndarray) and array.flags.c_contiguous)
            for array in self._arrays
        ) and all(array.dtype.kind not in "USTO" and array.dtype.isnative for array in self._arrays)
        in_memory = not any(isinstance(array, Store) for array in self._arrays)
        own = type(self).load_batch is ArraySequence.load_batch
        self._gathers = self._direct and in_memory and own

    def load_sample(self, index: int) -> Sample:
        """Returns row `index` of each array."""
        return self._structure.unflatten([array[index] for array in self._arrays])

    def target_rows(self, indices: Indices) -> Any:
        """The rows of the targets alone."""
        return self._structure.targets(lambda number: self._arrays[number][indices])

    def _raw_fields(self) -> list[str]:
        return fields_of(self._structure)

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        other._structure = self._structure.of_inputs()
        fields = self._raw_fields()
        other._arrays = [
            rows_of(records, field, array)
            for field, array in zip(fields, self._arrays[: len(fields)], strict=True)
        ]
        other._direct = other._gathers = False
        return other

    def load_batch(self, indices: Indices) -> Any:
        """Gathers rows straight into batch memory."""
        if not self._direct:
            return self._structure.unflatten([array[indices] for array in self._arrays])
        rows = self._memory.arrays(len(indices))
        for array, out in zip(self._arrays, rows, strict=True):
            # "clip" writes without a buffer; indices are in range.
            array.take(indices, axis=0, out=out, mode="clip")
        return self._structure.unflatten(rows)


def _named(inputs: Any) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        named = {str(name): value for name, value in inputs.items()}
        if len(named) < len(inputs):
            raise ArgumentError(
                "two inputs have one name, written as text",
                got=few(list(inputs)),
                fix="give each a name of its own: {'a': x1, 'b': x2}",
            )
        return named
    if isinstance(inputs, list) and any(getattr(row, "ndim", 0) for row in inputs):
        raise ArgumentError(
            "a list is one array; pass a tuple or a dict for several inputs",
            got=f"a list of {len(inputs)}, of which the first is {describe(inputs[0])}",
            fix="write {'a': x1, 'b': x2} or (x1, x2); numpy.stack(rows) of one array's rows",
        )
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    return {f"inputs[{number}]": value for number, value in enumerate(parts)}


def _common_index(inputs: dict[str, Any]) -> pd.Index[Any] | None:
    """Returns the index of the pandas objects among inputs of one length; None without any.

    Raises:
        AlignmentError: They have different ones, or the same in another order.
    """
    import pandas as pd

    first: tuple[str, pd.Index[Any]] | None = None
    for name, value in inputs.items():
        if not isinstance(value, pd.Series | pd.DataFrame):
            continue
        if first is None:
            first = name, value.index
        elif not value.index.equals(first[1]):
            pairs = zip(value.index.tolist(), first[1].tolist(), strict=True)
            shown = next((f"{b!r} where {first[0]} has {a!r}" for b, a in pairs if a != b), None)
            raise AlignmentError(
                f"{name} has another index than {first[0]}",
                got=shown or f"{value.index.dtype} keys for {first[1].dtype}",
                expected="the same keys in the same order, since rows are taken by position",
                fix="align them by key: join(a=ArraySequence(a), b=ArraySequence(b)); or pass "
                ".to_numpy() where rows of one position belong together",
            ).at(input=name)
    return None if first is None else first[1]


def _checked(name: str, value: Any) -> Any:
    """Returns an array, or what is read like one."""
    if value is None or isinstance(value, str | bytes):
        raise ArgumentError(f"{name} is no array", got=value).at(input=name)
    with at_input(name):
        array = _stored(name, value)
        if array is None:
            check_unmasked(value, name)
            array = _as_array(name, plain(value))
    dtype, objects = array.dtype, array.dtype.hasobject and array.dtype.kind != "T"
    if not array.shape or objects or not is_fit(dtype):
        raise ArgumentError(
            f"{name} is not an array with a row for each sample"
            if is_fit(dtype)
            else f"{name} has a dtype that no model takes",
            got=array if isinstance(array, np.ndarray) else str(dtype),
            expected="numbers, booleans or strings, of shape (n, ...)",
            fix=_fix_of_objects(array) if objects else None if is_fit(dtype) else fix_of(dtype),
        ).at(input=name)
    return array


def _as_array(name: str, value: Any) -> Any:
    try:
        array = np.asarray(value)
        return stacked_or_text(array) if array.dtype == object else array
    except ValueError as error:
        raise ArgumentError(
            f"{name} has rows of different lengths, which make no array",
            got=str(error),
            fix="use a TextSequence for token ids, or a subclass of your own",
        ) from error
    except (TypeError, RuntimeError) as error:  # A torch tensor that requires a gradient, say.
        raise ArgumentError(
            f"{name} cannot be made an array",
            got=f"{type(value).__name__}: {error}",
            fix="pass an array: of a torch tensor, tensor.detach().float().cpu().numpy()",
        ) from error


def _fix_of_objects(array: Array) -> str:
    kinds = {type(item) for item in array.ravel()[:_LOOKED_AT]}
    if kinds <= {bytes, str}:
        return "make text of bytes: [value.decode() for value in values]"
    if all(issubclass(kind, Number) for kind in kinds):  # Decimal among them.
        return "give it a dtype: numpy.asarray(values, 'float32')"
    if all(issubclass(kind, Number | str) or kind.__name__ in _MISSING for kind in kinds):
        return (
            "fill or drop missing values (Series.fillna(...)), and make all of one kind, numbers "
            "(pandas.to_numeric) or text; TableSequence takes categories"
        )
    return "make numbers of these objects; rows of different lengths belong into a TextSequence"


def _stored(name: str, value: Any) -> Any:
    """Returns how to read an array of another package's; None for one of NumPy's."""
    package = type(value).__module__.partition(".")[0]
    try:
        if is_table(value):
            raise ArgumentError(
                f"{name} is a whole table",
                got=f"the columns {list(value.column_names)}",
                fix="name its columns one by one: {'a': table['a'], ...}",
            )
        if package == "scipy" and hasattr(value, "tocsr"):
            return open_sparse(name, value)
        if package == "h5py":
            return open_hdf5(name, value)
        if package == "zarr":
            return open_zarr(name, value)
        if package in ("pyarrow", "datasets") or hasattr(value, "column_name"):
            pieces, order = pieces_of(name, value)
            rows = _joined(pieces, places_of(pieces))
            return rows if order is None else Rearranged(rows, order)
    except ArgumentError as error:
        error.at(input=name)
        raise
    return None


def _joined(pieces: Sequence[Array], places: Sequence[Place | None]) -> Array | Store:
    """Puts pieces of a column one behind the other: in their files, if they lie in some."""
    rows: list[Any] = []
    row, dtype = pieces[0].shape[1:], pieces[0].dtype
    pairs = zip(pieces, places, strict=True)
    for path, group in itertools.groupby(pairs, lambda pair: pair[1] and pair[1].path):
        members = list(group)
        starts = np.cumsum([0, *(len(piece) for piece, _ in members)])
        shape = (int(starts[-1]), *row)
        offsets = [place.offset for _, place in members if place is not None]
        if path is None:
            rows += [piece for piece, _ in members]
        elif len(members) == 1:
            rows.append(np.memmap(path, dtype, "r", offsets[0], shape))
        else:
            rows.append(MappedRows(path, shape, dtype, starts, np.array(offsets)[:, None]))
    return rows[0] if len(rows) == 1 else Chunks(rows)


def _with_stand_ins(part: Any, name: str, stores: dict[int, Store]) -> Any:
    """Opens what targets or weights are stored in, without reading it.

    Args:
        part: An array, or a tuple or dict of those.
        name: Of the part, for errors.
        stores: Is filled: by the ids of arrays that look the same and hold nothing, which are
            returned in their place.
    """
    if is_table(part):
        part = columns_of(part)
    if isinstance(part, Mapping):
        return {
            key: _with_stand_ins(leaf, f"{name}[{key!r}]", stores) for key, leaf in part.items()
        }
    if isinstance(part, tuple):
        return tuple(
            _with_stand_ins(leaf, f"{name}[{number}]", stores) for number, leaf in enumerate(part)
        )
    stored = _stored(name, part)
    if not isinstance(stored, Store):
        return part if stored is None else stored
    stand_in = np.broadcast_to(np.zeros((), stored.dtype), stored.shape)
    stores[id(stand_in)] = stored
    return stand_in


def _common_length(arrays: dict[str, Any]) -> int:
    lengths = {name: len(array) for name, array in arrays.items()}
    if not lengths:
        raise ArgumentError("there are no inputs", fix="pass at least one array")
    if len(set(lengths.values())) > 1:
        raise ArgumentError(
            "inputs are of unequal length",
            got=", ".join(f"{name}: {length}" for name, length in lengths.items()),
            expected="one row of each for every sample",
            fix="cut or complete them, or join sequences by key: multiseq.join(...)",
        )
    return next(iter(lengths.values()))
