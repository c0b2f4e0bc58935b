"""Sounds of raw records that are decoded already, as the bytes of files that are not compressed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .sound import load_soundfile

__all__ = ["file_of"]

_SUBTYPES = {"float32": "FLOAT", "float64": "FLOAT", "int16": "PCM_16", "int32": "PCM_32"}
_HIGHEST = 1 << 31


def file_of(value: Any) -> bytes:
    """Returns the bytes of a file that holds this sound.

    Args:
        value: (samples, rate in Hz); samples of shape (samples,) or (samples, channels), as
            soundfile reads them: float32 or float64 from -1 to 1, int16 or int32 of full range.

    Raises:
        ArgumentError: It is something else.
    """
    samples, rate = _pair(value)
    array = np.asarray(samples)
    if array.dtype.name not in _SUBTYPES:
        raise _no_sound(
            array,
            "give fractions from -1 to 1: numpy.float32(samples / largest)"
            if array.dtype.kind in "iuf"
            else None,
        )
    frames = array[:, None] if array.ndim == 1 else array
    if frames.ndim != 2 or not frames.shape[1] or 0 < len(frames) < frames.shape[1]:
        raise _no_sound(array, "put the channels last: samples.T" if frames.ndim == 2 else None)
    file = io.BytesIO()
    with np.errstate(over="ignore"):  # What has become infinite is refused where it is decoded.
        frames = frames.astype(np.float32, "C") if frames.dtype.kind == "f" else frames
    subtype = _SUBTYPES[array.dtype.name]
    load_soundfile().write(file, frames, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def _pair(value: Any) -> tuple[Any, int]:
    if isinstance(value, tuple | list) and len(value) == 2:
        samples, rate = value
        if np.ndim(samples) and not np.ndim(rate):
            whole = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
            if whole and 0 < rate < _HIGHEST and rate == int(rate):
                return samples, int(rate)
            raise _no_sound(value, "give the rate in Hz, a whole number above 0: (samples, 16_000)")
        if np.ndim(rate) and not np.ndim(samples):
            raise _no_sound(value, "swap the two: (samples, rate)")
    alone = bool(np.ndim(value)) if hasattr(value, "__array__") else False
    raise _no_sound(value, "say its rate: (samples, 16_000)" if alone else None)


def _no_sound(got: Any, fix: str | None) -> ArgumentError:
    return ArgumentError(
        "this is no sound",
        got=got,
        expected="a path, the bytes of a file, or (samples, rate in Hz), with samples of float32 "
        "of shape (samples,) or (samples, channels)",
        fix=fix or "pass the bytes of the file: open(path, 'rb').read()",
    )
