"""`AudioSequence`: sound files, as waveforms or log-mel frames of one sample rate."""

from __future__ import annotations

import math
import os
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, SourceError
from ..keys.labelled import rows_beside
from ..keys.targets import Targets
from ..memory import aligned_empty
from ..order import Indices
from ..samples import Spec
from ..sequence import MultiInputSequence
from ..settings import BaseKeywords
from ..sources.audio.mel import FLOOR, LogMel, MelFrames
from ..sources.audio.sound import SUFFIXES, SoundReader, require_packages
from ..sources.items import check_keys, index_beside, items_and_keys, with_spec
from ..sources.media.store import (
    check_matched_by_key,
    file_store,
    found_files,
    keys_of_files,
    unwrapped,
)

__all__ = ["AudioSequence"]

Array = npt.NDArray[np.float32]

_LARGEST_MEMBER = 1 << 31  # Bytes of a member of a zip archive, which is decompressed in memory.


class AudioSequence(MultiInputSequence):
    """Sounds from files, mixed down to mono, resampled to one rate, float32.

    With `features="waveform"`, a sample has shape (samples,), with values from -1 to 1; with
    "log-mel", shape (frames, bands): one frame each 10 ms, of 25 ms, in 80 bands. `LogMel` says
    how these are computed, and takes other numbers.

    With `max_seconds`, all have the same length: cut at the end, or followed by silence. No more
    of a file is decoded than that takes. Without, a batch is as long as its longest sound, the
    others being followed by silence.

    Formats are those of libsndfile: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF and more.
    Channels are averaged. Rates are converted by soxr, at its quality "HQ". A file is opened when
    its sample is loaded. One that is missing, damaged, cut short where its header tells, empty,
    not finite or outside `root` then raises a SourceError.

    Example:
        >>> clips = AudioSequence("clips", sample_rate=16_000, max_seconds=2.0, features="log-mel")
        >>> labeled = AudioSequence(frame["file"], frame["label"], root="clips", sample_rate=8_000)

    Args:
        source: Paths, as a list, as a Series whose index gives the keys, or as a dict by key; or a
            folder or a zip archive, whose sound files are all taken, those in its subfolders too;
            or a pattern such as "train/*.wav". Instead of paths it may hold the `bytes` of files.
        targets: A Series (aligned by its index), an array in the order of `source`, or a dict of
            those by output name. With a folder, an archive or a pattern, where files have no order
            but that of their names, a Series, unless `keys` tells their order.
        sample_rate: Of the waveforms, in Hz.
        max_seconds: The length of all sounds; None for each its own, of at most 2^28 samples.
        features: "waveform", "log-mel", or a `LogMel`.
        root: The folder or zip archive that paths are relative to, and that no path may lead out
            of. Without it paths are taken as they are.
        keys: The samples' keys, in the order of `source`. Without them, those of a Series or a
            dict; else the names of the files without folder and ending, where these differ from
            one another; else the paths; else, for bytes, positions.
        sample_weight: As `targets`; one array of weights stands for all outputs.
        **keywords: Those of `MultiInputSequence`.

    Raises:
        AlignmentError: Keys are duplicated, or `targets` lacks one.
        ArgumentError: An argument is not what it should be.
        MissingPackageError: soundfile or soxr is not installed.
    """

    def __init__(
        self,
        source: Any,
        targets: Any = None,
        *,
        sample_rate: int,
        max_seconds: float | None = None,
        features: Literal["waveform", "log-mel"] | LogMel = "waveform",
        root: str | os.PathLike[str] | None = None,
        keys: Any = None,
        sample_weight: Any = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        require_packages()
        rate = _checked_rate(sample_rate)
        self._length = None if max_seconds is None else _checked_length(max_seconds, rate)
        self._read = SoundReader(rate, self._length)
        self._mel = _checked_features(features, rate)
        listed = isinstance(source, str | os.PathLike)
        if listed:
            source, root = found_files(os.fspath(source), root, SUFFIXES, "sound")
        items, own_keys = items_and_keys(source, "sound files")
        items = unwrapped(items)
        self._files = file_store(items, own_keys, root, "sound file", _LARGEST_MEMBER)
        if keys is None:
            keys = keys_of_files(items) if own_keys is None else own_keys
            if listed:
                check_matched_by_key(keys, targets=targets, sample_weight=sample_weight)
        check_keys(keys, items, "sounds")
        self._source_rows = rows_beside(keys, index_beside(keys, own_keys))
        self._targets = Targets(targets, sample_weight, keys, self._source_rows)
        silence = 0.0 if self._mel is None else math.log(FLOOR)
        spec = Spec(self._shape(self._length), "float32", pad_value=silence)
        super().__init__(keys, **with_spec(keywords, spec))

    def load_sample(self, index: int) -> Any:
        """Returns (sound,), with targets and weights if given; (samples,) or (frames, bands)."""
        waveform = self._waveform(index)
        sound = np.empty(self._shape(self._length or len(waveform)), np.float32)
        self._finish(waveform, sound)
        return sound, *self._targets.row(index)

    def target_rows(self, indices: Indices) -> Any:
        """The targets of several samples, where they were given as arrays."""
        return self._targets.target_rows(indices)

    def load_batch(self, indices: Indices) -> Any:
        """Returns several samples; where all have the same length, straight in the batch."""
        if self._length is None:
            sounds: Any = [self.load_sample(index)[0] for index in indices.tolist()]
        else:
            sounds = aligned_empty((len(indices), *self._shape(self._length)), np.float32)
            for sound, index in zip(sounds, indices.tolist(), strict=True):
                self._finish(self._waveform(index), sound)
        return sounds, *self._targets.rows(indices)

    def _waveform(self, index: int) -> Array:
        try:
            with self._files.open(index) as file:
                return self._read(file)
        except SourceError as error:
            if name := self._files.name(index):
                error.what = f"{name!r}: {error.what}"
            raise

    def _shape(self, samples: int | None) -> Any:
        if self._mel is None:
            return (samples,)
        return None if samples is None else self._mel.count(samples), self._mel.n_mels

    def _finish(self, waveform: Array, out: Array) -> None:
        """Puts silence behind a waveform and turns it into what is wanted."""
        if self._mel is not None:
            self._mel(waveform, out)
        else:
            out[: len(waveform)] = waveform
            out[len(waveform) :] = 0


def _checked_rate(rate: Any) -> int:
    if isinstance(rate, int | np.integer) and not isinstance(rate, bool) and rate > 0:
        return int(rate)
    raise ArgumentError(
        "bad sample_rate", got=rate, expected="an integer of at least 1, in Hz, such as 16_000"
    )


def _checked_length(seconds: Any, rate: int) -> int:
    number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
    if number and np.isfinite(seconds) and round(float(seconds) * rate) >= 1:
        return round(float(seconds) * rate)
    raise ArgumentError(
        "bad max_seconds", got=seconds, expected="a number of seconds, of at least one sample"
    )


def _checked_features(features: Any, rate: int) -> MelFrames | None:
    if isinstance(features, str) and features == "waveform":
        return None
    if isinstance(features, str) and features == "log-mel":
        features = LogMel()
    if isinstance(features, LogMel):
        return MelFrames(features, rate)
    raise ArgumentError(
        "bad features", got=features, expected='"waveform", "log-mel" or a LogMel(...)'
    )
