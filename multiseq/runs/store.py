"""Checkpoints in a folder: each a folder of its own, renamed into place when it is complete."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SourceError, said

__all__ = ["Arrays", "Store"]

_log = logging.getLogger("multiseq")
_KEPT = 2
_PREFIX = "checkpoint-"

Arrays = list[npt.NDArray[Any]]


class Store:
    """Keeps the last two checkpoints of a run.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()

    def save(self, state: dict[str, Any], arrays: Arrays) -> None:
        """Saves a checkpoint, or nothing: whoever is killed meanwhile leaves the last one whole.

        Args:
            state: What JSON can hold.
            arrays: Of numbers and booleans; of dtypes that NumPy alone does not know, too.

        Raises:
            SourceError: The folder cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            have = self._checkpoints()
            number = _number(have[-1]) + 1 if have else 1
            new = self.folder / f".{_PREFIX}{number:08}"
            shutil.rmtree(new, ignore_errors=True)  # Of a run that was killed while it saved.
            new.mkdir()
            with open(new / "arrays.npz", "wb") as file:
                np.savez(file, *map(_as_known, arrays))
            with open(new / "state.json", "w") as text:
                json.dump(state | {"dtypes": [each.dtype.name for each in arrays]}, text)
            # Not flushed to the disk, which would take longer than all else: whoever is killed
            # loses nothing, and where the power fails, the one before is there by then.
            os.replace(new, self.folder / new.name[1:])
        except OSError as error:
            raise SourceError(
                "the run cannot be saved",
                got=f"{str(self.folder)!r}: {error.strerror or error}",
                fix="choose a folder that can be written to, on a disk with room",
            ) from error
        for old in have[: len(have) + 1 - _KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def newest(self) -> tuple[dict[str, Any], Arrays] | None:
        """Returns the last checkpoint that can be read; None where there is none at all.

        Raises:
            SourceError: There are some, and none can be read.
        """
        have = self._checkpoints()
        for path in reversed(have):
            try:
                return _read(path)
            except Exception as error:  # A damaged file can fail in any way.
                reason = said(error)
                _log.warning("%s cannot be read, and is left out: %s", path, reason)
        if not have:
            return None
        raise SourceError(
            "no checkpoint of this run can be read",
            got=f"{str(self.folder)!r}: {reason}",
            fix="restore the folder, or remove it to begin anew",
        )

    def _checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob(f"{_PREFIX}*"), key=_number)


def _number(path: Path) -> int:
    text = path.name.removeprefix(_PREFIX)
    return int(text) if text.isdecimal() else -1


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    state = json.loads((path / "state.json").read_text())
    with (
        open(path / "arrays.npz", "rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        dtypes = state.pop("dtypes")
        return state, [_as_was(archive[f"arr_{k}"], name) for k, name in enumerate(dtypes)]


def _as_known(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The bytes of dtypes such as bfloat16, which `.npy` files cannot tell."""
    if array.dtype.kind in "biufcU":
        return array
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def _as_was(array: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    if array.dtype.name == dtype:
        return array
    import ml_dtypes

    return array.view(np.dtype(getattr(ml_dtypes, dtype)))
