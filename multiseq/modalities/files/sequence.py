"""`FileSequence`: arrays and metadata fields from files named by key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

import numpy as np

from ...base.encoding import Records, fields_of
from ...errors import AlignmentError, ArgumentError, at_input
from ...keys.rows import AnyRows, rows_beside
from ...keys.selection import checked_keys
from ...keys.targets import Targets
from ...order import Indices
from ...pipeline import Own, names_given, own_steps, parted
from ...samples import Structure
from ...sequence import MultiInputSequence
from ...settings import OtherKeywords
from ...sources.folders import Folder
from ...sources.foreign import Foreign, as_foreign
from ...transforms import Transform
from ...transforms.learned import steps_of
from ...transforms.steps import Chain, shown
from .leaves import File, FileLeaf, by_file
from .raws import RawFile
from .templates import check_files, find_keys, is_known

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FileSequence"]


class FileSequence(MultiInputSequence):
    """Samples in files that share a key: `sensor_17.npy` and `meta_17.json` are sample 17.

    A template names a file by `{key}` and, after a ':', what to take from it:

    - `sensor_{key}.npy`: the array.
    - `scan_{key}.npz:name`: the array of that name.
    - `log_{key}.csv`: the table, float64 of shape (rows, columns). A first line that is not all
      numbers is its header; columns of other tables are put in the order of the first key's, and
      other names refused. With `missing`, blank cells are missing, as is null in a JSON list.
    - `log_{key}.csv:name`: one column, float64 of shape (rows,).
    - `meta_{key}.json:name`: a number (int64 or float64), a bool, text, or an array of a
      rectangular list of those. `outer.inner` is a field of an object within.
    - `meta_{key}.txt:name`: the same, of a dict that was written as `str(dict)`.

    Other files are read by `read`, a function of a file's bytes that returns an array; if its
    parameter is annotated as a `str` or a `Path`, or its name ends in "path" or "filename", it is
    given the path instead.

    Paths are relative to `root`, with '/' on every system. `{key}` may be part of a folder's name
    and occur several times. The ':' that counts is the first one after a known ending.

    A file is read once for each sample, whatever is taken from it. Files are data: pickles are
    refused, and nothing is evaluated. float64 becomes `keras.config.floatx()` in a batch. Where the
    first sample's number is whole by chance, declare what it is: `spec=Spec((), "float32")`.

    Example:
        >>> data = FileSequence(
        ...     "mock_data",
        ...     {"sensor": "sensor_{key}.npy", "location": "meta_{key}.json:location"},
        ...     targets={"y": "meta_{key}.json:score"},
        ...     transforms={"sensor": Standardize(), "location": Vocabulary()},
        ...     batch_size=32,
        ...     shuffle=True,
        ... )
        >>> train, test = data.split(0.8, 0.2)
        >>> scans = FileSequence(
        ...     "scans", "{key}.dcm", read=lambda path: pydicom.dcmread(path).pixel_array
        ... )
        >>> train.adapt()

    Args:
        root: The folder. No key and no symbolic link may lead out of it.
        inputs: A template, a tuple of templates in the model's order, or a dict of templates by
            input name.
        targets: The same; or an array, a Series (aligned by its index), or a dict of those by
            output name.
        transforms: By the name of an input or target: a transform that `adapt()` learns from the
            training split, such as `Standardize()` or `Vocabulary()`; a function of one value,
            such as one that scales a volume by itself; or a tuple of any number of those, which
            learn one after the other. In a tuple of inputs the position is the name
            (`"targets[0]"` for a target), alone it is "inputs" or "targets". Text must have a
            `Vocabulary` (a target `Labels`), since a model takes numbers.
        read: A function for the files of endings that are not among those above; or a dict of
            functions by the name of an input or target, for files of any ending.
        keys: Which keys to use, in this order; anything `pandas.Index` takes. `None` for those
            in the folder: as ascending integers if all are decimal integers without leading zeros,
            else as text, with the numbers in it in order (`a2` before `a10`). A key that lacks
            one of its files is an error, never left out in silence.
        sample_weight: As `targets`.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: A key lacks a file, or `targets` lacks a key.
        ArgumentError: A template, the name of a transform, or `root` is wrong, or no file fits.
        SourceError: A key leads out of `root`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        inputs: str | tuple[str, ...] | Mapping[str, str],
        targets: Any = None,
        *,
        transforms: Mapping[Any, Any] | None = None,
        read: Callable[[Any], Any] | Mapping[Any, Callable[[Any], Any]] | None = None,
        keys: Any = None,
        sample_weight: Any = None,
        **keywords: Unpack[OtherKeywords],
    ) -> None:
        parts = {"inputs": inputs, "targets": targets, "sample_weight": sample_weight}
        folder = _checked_folder(root)
        own, given = parted(
            steps_of(transforms) or {}, None if _are_templates(targets) else targets
        )
        in_files = _parts_in_files(parts)
        steps = self._plan(in_files, own, keywords.get("missing"), read)
        base: Any = {**keywords, **steps.left_to_base(given)}
        super().__init__(self._prepare(folder, parts, in_files, names_given(base), keys), **base)

    def _plan(
        self, in_files: Mapping[str, Any], transforms: Mapping[Any, Any], missing: Any, read: Any
    ) -> Own:
        """Plans what to read from which file, and what to do to it."""
        self._structure = Structure(tuple(in_files.values()))
        named = [pair for part, value in in_files.items() for pair in _named(part, value)]
        self._leaves = [
            FileLeaf(place, name, text, function)
            for place, ((name, text), function) in enumerate(
                zip(named, _functions(named, read), strict=True)
            )
        ]
        names, texts = zip(*[(leaf.name, leaf.text) for leaf in self._leaves], strict=True)
        steps = own_steps(transforms, missing, self._structure.names, names, texts)
        for number, (name, chain) in steps.chains.items():
            self._leaves[number].called, self._leaves[number].chain = name, chain
        for number in steps.masked:
            self._leaves[number].is_raw = True
        return steps

    def _prepare(
        self,
        root: str,
        parts: Mapping[str, Any],
        in_files: Mapping[str, Any],
        named: Mapping[Any, bool],
        keys: Any,
    ) -> pd.Index[Any]:
        """Plans which files to read together, and returns the keys of those files."""
        self._root, folder = root, Folder(root)
        self._files = by_file(folder, self._leaves)
        goals = _named("targets", parts["targets"]) if "targets" in in_files else []
        start = len(self._structure.of_inputs())
        for leaf in self._leaves[start : start + len(goals)]:
            leaf.is_target = True
        self._goal_files = by_file(folder, self._leaves[start : start + len(goals)])
        templates = [file.template for file in self._files]
        index = checked_keys(find_keys(root, templates) if keys is None else keys)
        if keys is not None:
            check_files(root, templates, list(map(str, index.tolist())))
        self._file_keys = index.to_numpy()
        for file in self._files:
            file.remember_header(index)
        self._source_rows = rows_beside(keys)
        others = {name: parts[name] for name in parts.keys() - in_files}
        self._others = _aligned(others, index, self._source_rows, named)
        self._others_at = 2 if "targets" in in_files else 1
        return index

    @property
    def transforms(self) -> dict[Any, Transform]:
        """The transforms by the name of their input or target."""
        return shown(self._own_chains())

    def _own_chains(self) -> dict[Any, Chain]:
        return {leaf.called: leaf.chain for leaf in self._leaves if leaf.chain.steps}

    def _columns_of(self, name: Any) -> tuple[str, ...]:
        headers = {leaf.called: leaf.header for leaf in self._leaves}
        return tuple(headers.get(name) or ())

    @property
    def _of_inputs(self) -> set[Any]:
        return {leaf.called for leaf in self._leaves[: len(self._structure.of_inputs())]}

    def load_sample(self, index: int) -> Any:
        """Reads the files of one sample."""
        columns = self._load(np.array([index]), self._files)
        return self._assemble([column[0] for column in columns], self._others.row(index))

    def load_batch(self, indices: Indices) -> Any:
        """Reads the files of several samples, arrays straight into one."""
        return self._assemble(self._load(indices, self._files), self._others.rows(indices))

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples: no other files are read."""
        if not self._goal_files:
            return self._others.target_rows(indices)
        start, columns = len(self._structure.of_inputs()), self._load(indices, self._goal_files)
        return self._structure.targets(lambda number: columns[number - start])

    def _raw_fields(self) -> list[str]:
        return fields_of(self._structure)

    def _over(self, records: Records) -> Self:
        other = self._emptied(len(records))
        fields = self._raw_fields()
        other._structure, other._leaves = self._structure.of_inputs(), self._leaves[: len(fields)]
        files = [
            RawFile(leaf, [record[field] for record in records], self._root)
            for field, leaf in zip(fields, other._leaves, strict=True)
        ]
        other._files = cast(list[File], files)
        other._goal_files, other._file_keys = [], np.arange(len(records))
        other._others, other._others_at = Targets(None, None, len(records)), 1
        return other

    def raw(self, index: int) -> dict[Any, Any]:
        """What the transforms learn from: by their names, one sample's values as they were read."""
        values: dict[Any, Any] = {}
        for file in self._files:
            if any(leaf.chain.shown is not None for leaf in file.leaves):
                columns = file.read(self._file_keys[[index]].tolist())
                for leaf, column in zip(file.leaves, columns, strict=True):
                    if leaf.chain.shown is not None:
                        values[leaf.called] = leaf.chain.before_shown(column[:1])[0]
        return {name: values[name] for name in shown(self._own_chains())}

    def _as_read(self, index: int) -> dict[str, Any]:
        found = {}
        keys = self._file_keys[[index]].tolist()
        for file in self._files:
            for leaf, column in zip(file.leaves, file.read(keys), strict=True):
                found[self._structure.names[leaf.place]] = column[0]
        return found

    def _load(self, indices: Indices, files: Sequence[File]) -> list[Any]:
        """The values of the leaves in files, transformed: each has an axis of len(indices)."""
        keys = self._file_keys[indices].tolist()
        values: dict[int, Any] = {}
        for file in files:
            for leaf, column in zip(file.leaves, file.read(keys), strict=True):
                with at_input(leaf.name):
                    values[leaf.place] = leaf.finish(column)
        return [values[place] for place in sorted(values)]

    def _assemble(self, leaves: list[Any], given: tuple[Any, ...]) -> tuple[Any, ...]:
        parts = self._structure.unflatten(leaves)
        return (*parts[: self._others_at], *given, *parts[self._others_at :])


def _checked_folder(root: str | os.PathLike[str]) -> str:
    path = os.path.abspath(root)
    if os.path.isdir(path):
        return path
    raise ArgumentError(
        "root is not a folder",
        got=path,
        expected="the folder that holds the files",
        fix="correct the path; a relative one starts at the current directory",
    )


def _are_templates(part: Any) -> bool:
    if isinstance(part, Mapping):
        part = tuple(part.values())
    if isinstance(part, tuple):
        return bool(part) and all(isinstance(text, str) for text in part)
    return isinstance(part, str)


def _parts_in_files(parts: Mapping[str, Any]) -> dict[str, Any]:
    if not _are_templates(parts["inputs"]):
        raise ArgumentError(
            "inputs does not say which files to read",
            got=parts["inputs"],
            expected="a template, a tuple of templates, or a dict of templates by name",
            fix='write {"sensor": "sensor_{key}.npy", "place": "meta_{key}.json:place"}',
        )
    if parts["targets"] is None and parts["sample_weight"] is not None:
        raise ArgumentError("sample_weight was given without targets", fix="give targets too")
    return {name: part for name, part in parts.items() if _are_templates(part)}


def _named(part: str, value: Any) -> list[tuple[Any, str]]:
    """The names by which `transforms` knows the templates of a part, and their texts."""
    if isinstance(value, str):
        return [(part, value)]
    if isinstance(value, Mapping):
        return list(value.items())
    return [(k if part == "inputs" else f"{part}[{k}]", text) for k, text in enumerate(value)]


def _aligned(
    others: Mapping[str, Any],
    keys: pd.Index[Any],
    rows: tuple[AnyRows, ...],
    named: Mapping[Any, bool],
) -> Targets:
    """Targets and weights that come as arrays, or as Series by key."""
    try:
        return Targets(
            others.get("targets"),
            others.get("sample_weight"),
            keys,
            rows,
            targets_elsewhere="targets" not in others,
            named=named,
        )
    except AlignmentError as error:
        kind = "integers" if keys.dtype.kind in "iu" else "text"
        error.fix = (
            f"{error.fix}; the keys of the files are {kind}, such as {keys[:1].tolist()[0]!r}"
        )
        raise


def _functions(named: Sequence[tuple[Any, str]], read: Any) -> list[Foreign | None]:
    """Returns for each template the function that reads its files, or None."""
    if isinstance(read, Mapping):
        for name in read:
            _check_name("read", name, named)
        functions = {name: as_foreign(function) for name, function in read.items()}
        return [functions.get(name) for name, _ in named]
    foreign = as_foreign(read)
    functions = {text: None if is_known(text) else foreign for _, text in named}
    if foreign is not None and not any(functions.values()):
        raise ArgumentError(
            "read= is for files of other formats, and all templates name known ones",
            got=", ".join(functions),
            fix=f"say what it reads: read={{{named[0][0]!r}: function}}; or leave it out",
        )
    return [functions[text] for _, text in named]


def _check_name(argument: str, name: Any, named: Sequence[tuple[Any, str]]) -> None:
    """Raises ArgumentError unless one template has this name."""
    texts = {text for other, text in named if other == name}
    if len(texts) != 1:
        raise ArgumentError(
            f"{argument}: {name!r} is " + ("two different things" if texts else "no input"),
            got=", ".join(sorted(texts)) or f"{argument} for {name!r}",
            expected=f"one of {[other for other, _ in named]}",
            fix="name a target otherwise than the inputs" if texts else "correct the name",
        )
