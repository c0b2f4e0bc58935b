"""Sounds that a user's function reads, as samples and their rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SourceError
from ...sources.foreign import given_array

__all__ = ["given_sound"]

_HIGHEST = 1 << 31  # Hz; libsndfile's own limit.


def given_sound(value: Any, sample_rate: int) -> tuple[npt.NDArray[np.float32], float]:
    """Returns the samples of a sound, of shape (samples, channels), and their rate.

    Args:
        value: An array of shape (samples,) or (samples, channels), or a tuple of it and its rate.
        sample_rate: The rate where it says none.

    Raises:
        SourceError: It is neither.
    """
    rate: Any = sample_rate
    if isinstance(value, tuple):
        value, rate = _pair(value)
    samples = given_array(value)
    if samples.dtype.kind != "f":
        raise SourceError(
            "read= returned a sound of something else than fractions",
            got=f"dtype {samples.dtype}",
            expected="floating-point numbers, where 1 is the loudest",
            fix="divide integers by their largest value: return samples / 32768 for int16"
            if samples.dtype.kind in "iu"
            else "return samples of dtype float32",
        )
    sound = samples[:, None] if samples.ndim == 1 else samples
    if sound.ndim != 2 or not sound.shape[1] or 0 < len(sound) < sound.shape[1]:
        raise SourceError(
            "read= returned an array that is no sound",
            got=f"shape {samples.shape}",
            expected="shape (samples,) or (samples, channels), or a tuple of it and its rate in Hz",
            fix="put the channels last: return samples.T" if sound.ndim == 2 else None,
        )
    with np.errstate(over="ignore"):  # What has become infinite is refused where that is checked.
        return sound.astype(np.float32, "C"), float(rate)


def _pair(value: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(value) == 2 and np.ndim(value[0]) and not np.ndim(value[1]):
        rate = value[1]
        try:
            if not isinstance(rate, str) and 0 < float(rate) < _HIGHEST:
                return value
        except (TypeError, ValueError):
            pass
    swapped = len(value) == 2 and np.ndim(value[1]) and not np.ndim(value[0])
    raise SourceError(
        "read= returned a tuple that is no sound and its rate",
        got=", ".join(type(each).__name__ for each in value),
        expected="(samples, rate), with a rate above 0 in Hz",
        fix="swap the two: read=lambda data: function(data)[::-1]"
        if swapped
        else "return an array, or (samples, rate)",
    )
