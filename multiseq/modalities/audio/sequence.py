"""`AudioSequence`: sound files, as waveforms or log-mel frames of one sample rate."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, Unpack

import numpy as np
import numpy.typing as npt

from ...base.encoding import ALONE, Records
from ...checks import check_count
from ...errors import ArgumentError, SourceError
from ...keys.targets import Targets
from ...memory import aligned_empty
from ...order import Indices
from ...pipeline import names_given
from ...plots.kinds import Frames, Kind, Waveform
from ...samples import Spec
from ...sequence import MultiInputSequence
from ...settings import BaseKeywords
from ...sources.files import Files
from ...sources.foreign import as_foreign, check_paths
from ...sources.items import with_spec
from ...sources.raws import RawFiles, RawForeign
from .given import given_sound
from .mel import FLOOR, LogMel, MelFrames
from .raws import file_of
from .sound import SUFFIXES, SoundReader, require_packages

__all__ = ["AudioSequence"]

Array = npt.NDArray[np.float32]

_LARGEST_MEMBER = 1 << 31  # Bytes of a member of a zip archive, which is decompressed in memory.


class AudioSequence(MultiInputSequence):
    """Sounds from files, mixed down to mono or with their channels, of one rate, float32.

    With `features="waveform"`, a sample has shape (samples,), with values from -1 to 1; with
    "log-mel", shape (frames, bands): one frame each 10 ms, of 25 ms, in 80 bands. `LogMel` says
    how these are computed, and takes other numbers. Where channels are kept, they are the last
    axis: (samples, channels) or (frames, bands, channels).

    With `max_seconds`, all have the same length: cut at the end, or followed by silence. No more
    of a file is decoded than that takes. Without, a batch is as long as its longest sound, the
    others being followed by silence.

    Formats are those of libsndfile: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF and more.
    Other files are read by `read`, a function of a file's bytes (or of its path, if its parameter
    is annotated as a `str` or a `Path`, or its name ends in "path" or "filename"). It returns
    floating-point samples of shape (samples,) or (samples, channels), of `sample_rate`; or a tuple
    of samples and their rate. Rates are converted by soxr, at its quality "HQ".

    A file is opened when its sample is loaded. One that is missing, damaged, cut short where its
    header tells, empty, not finite or outside `root` then raises a SourceError.

    Example:
        >>> clips = AudioSequence("clips", sample_rate=16_000, max_seconds=2.0, features="log-mel")
        >>> labeled = AudioSequence(frame["file"], frame["label"], root="clips", sample_rate=8_000)
        >>> stereo = AudioSequence("songs/*.flac", sample_rate=44_100, channels=2)

    Args:
        source: Paths, as a list, as a Series whose index gives the keys, or as a dict by key; or a
            folder or a zip archive, whose sound files are all taken (with `read`, all its files),
            those in its subfolders too; or a pattern such as "train/*.wav". Instead of paths it may
            hold the `bytes` of files.
        targets: A Series (aligned by its index), an array in the order of `source`, or a dict of
            those by output name. With a folder, an archive or a pattern, where files have no order
            but that of their names, a Series, unless `keys` tells their order.
        sample_rate: Of the waveforms, in Hz.
        max_seconds: The length of all sounds; None for each its own, of at most 2^28 samples.
        features: "waveform", "log-mel", or a `LogMel`.
        channels: "mono" averages them; a number keeps them, and all files must have as many.
        read: A function that reads the files in place of libsndfile.
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
        channels: Literal["mono"] | int = "mono",
        read: Callable[[Any], Any] | None = None,
        root: str | os.PathLike[str] | None = None,
        keys: Any = None,
        sample_weight: Any = None,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        require_packages()
        rate = check_count("sample_rate", sample_rate, 1, "in Hz, such as 16_000")
        self._length = None if max_seconds is None else _checked_length(max_seconds, rate)
        self._channels = _checked_channels(channels)
        self._read = SoundReader(rate, self._length, self._channels)
        self._foreign = as_foreign(read)
        self._mel = _checked_features(features, rate)
        suffixes = SUFFIXES if self._foreign is None else ("",)
        parts = {"targets": targets, "sample_weight": sample_weight}
        files = Files.of(source, root, keys, "sound", suffixes, _LARGEST_MEMBER, **parts)
        check_paths(self._foreign, files.store)
        self._files, self._source_rows, self._root = files.store, files.rows, files.root
        self._targets = Targets(
            targets, sample_weight, files.keys, files.rows, named=names_given(keywords)
        )
        silence = 0.0 if self._mel is None else math.log(FLOOR)
        spec = Spec(self._shape(self._length), "float32", pad_value=silence)
        self._loaded_spec = spec
        super().__init__(files.keys, **with_spec(keywords, spec))

    def load_sample(self, index: int) -> Any:
        """Returns (sound,), with targets and weights if given; the class says its shape."""
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

    def _raw_fields(self) -> list[str]:
        return [ALONE]

    def _over(self, records: Records) -> Self:
        other, foreign = self._emptied(len(records)), self._foreign
        items = [record[ALONE] for record in records]
        written = file_of if foreign is None else None
        other._files = RawFiles(items, self._root, "sound", _LARGEST_MEMBER, written)
        check_paths(foreign, other._files)
        other._foreign = None if foreign is None else RawForeign(foreign, items)
        other._targets = Targets(None, None, len(items))
        return other

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        rate = self._read.sample_rate
        drawn = Waveform(rate) if self._mel is None else Frames(self._mel.hop_length / rate)
        return {"inputs": drawn, **super()._leaf_kinds}

    def _waveform(self, index: int) -> Array:
        try:
            if self._foreign is not None:
                value = self._foreign.read(self._files, index)
                return self._read.of_given(*given_sound(value, self._read.sample_rate))
            with self._files.open(index) as file:
                return self._read(file)
        except SourceError as error:
            if name := self._files.name(index):
                error.what = f"{name!r}: {error.what}"
            raise

    def _shape(self, samples: int | None) -> Any:
        channels = () if self._channels is None else (self._channels,)
        if self._mel is None:
            return samples, *channels
        return None if samples is None else self._mel.count(samples), self._mel.n_mels, *channels

    def _finish(self, waveform: Array, out: Array) -> None:
        """Puts silence behind a waveform and turns it into what is wanted."""
        if self._mel is None:
            out[: len(waveform)] = waveform
            out[len(waveform) :] = 0
        elif self._channels is None:
            self._mel(waveform, out)
        else:
            for channel in range(self._channels):
                self._mel(waveform[:, channel], out[:, :, channel])


def _checked_channels(channels: Any) -> int | None:
    """Returns how many channels to keep; None to average them."""
    if isinstance(channels, str) and channels == "mono":
        return None
    if isinstance(channels, int | np.integer) and not isinstance(channels, bool) and channels > 0:
        return int(channels)
    raise ArgumentError(
        "bad channels",
        got=channels,
        expected='"mono", which averages them, or how many the files have, which are kept',
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
