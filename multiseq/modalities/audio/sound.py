"""Sound files into waveforms of one sample rate: decoding, mixing, resampling, refusing."""

from __future__ import annotations

import functools
import importlib
import io
import math
import re
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ...errors import MissingPackageError, SourceError
from ...sources.folders import Opened
from ...stages import stage

__all__ = ["SUFFIXES", "SoundReader", "load_soundfile", "require_packages"]

Waveform = npt.NDArray[np.float32]

SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64",
    ".rf64",
)  # fmt: skip

_MOST_SAMPLES = 1 << 28  # 1 GiB of float32, four and a half hours at 16 kHz.
_UNKNOWN = 1 << 62  # Where a stream does not say how long it is, libsndfile gives 2^63 - 1.

# Samples at the lower of the two rates, on which the last sample kept can still depend. soxr's
# "HQ" filter does not reach half as far.
_FILTER_REACH = 512

# What libsndfile notes where a header promises more bytes than the file has. Programs that write
# to a pipe leave the size at 2^31 or 2^32 bytes, or somewhat less.
_CUT = re.compile(r":\s*(\d+) \(should be (\d+)\)")
_PIPED = (1 << 31) - (1 << 16)
_SLACK = 64  # Bytes: many a header is wrong by its own padding.


@dataclass(frozen=True)
class SoundReader:
    """Decodes sounds to float32 at one sample rate.

    Args:
        sample_rate: In Hz.
        length: How many samples are wanted at most; None for all. No more of a file is decoded
            than they take.
        channels: How many a sound must have, which are kept; None to average them.
    """

    sample_rate: int
    length: int | None
    channels: int | None

    @stage("decode")
    def __call__(self, file: Opened | IO[bytes]) -> Waveform:
        """Decodes one sound.

        Args:
            file: Open at its beginning.

        Returns:
            Array of shape (samples,) or (samples, channels), of at least 1 and at most `length`
            samples.

        Raises:
            SourceError: The file is no sound, is damaged or cut short, holds no samples, one that
                is not finite, or far too many, or has other channels.
        """
        # libsndfile reads a real file by itself, which is faster than asking us for its bytes.
        source = file if isinstance(file, io.BytesIO) else file.fileno()
        try:
            with load_soundfile().SoundFile(source, closefd=False) as sound:
                _check_whole(sound.extra_info)
                self._check_channels(sound.channels)
                frames, rate = self._decoded(sound), sound.samplerate
        except SourceError:
            raise
        except Exception as error:  # A file from outside can make a decoder fail in any way.
            raise _broken(getattr(error, "error_string", None) or str(error)) from error
        return self._finished(frames, rate)

    def of_given(self, frames: Waveform, rate: float) -> Waveform:
        """Returns samples of shape (samples, channels) and of any rate as `__call__` does."""
        self._check_channels(frames.shape[1])
        wanted = self._wanted(len(frames), rate)
        self._check_length(wanted, rate, frames.shape[1], str(len(frames)))
        return self._finished(frames[:wanted], rate)

    def _finished(self, frames: Waveform, rate: float) -> Waveform:
        if not np.isfinite(frames).all():
            raise SourceError(
                "a sample of the sound is not finite",
                got="NaN or infinity",
                fix="write the file again, or leave its key out",
            )
        if self.channels is not None:
            waveform = frames
        elif frames.shape[1] == 1:
            waveform = np.ascontiguousarray(frames[:, 0])
        else:
            waveform = frames.mean(axis=1)
        if rate != self.sample_rate:
            waveform = _soxr().resample(waveform, rate, self.sample_rate, quality="HQ")
        if not len(waveform):
            raise SourceError("the sound has no samples", fix="leave its key out")
        return waveform[: self.length]

    def _decoded(self, sound: Any) -> Waveform:
        known = sound.frames < _UNKNOWN
        count = self._wanted(int(sound.frames), sound.samplerate)
        said = str(sound.frames) if known else None
        self._check_length(count, sound.samplerate, sound.channels, said)
        frames: Waveform = sound.read(count, dtype="float32", always_2d=True)
        if len(frames) < count and known:
            raise _cut_short(f"{len(frames)} samples of {count}")
        return frames

    def _wanted(self, count: int, rate: float) -> int:
        """How many samples of each channel are needed, of those there are."""
        if self.length is None:
            return count
        ratio = rate / self.sample_rate
        beyond = 0 if ratio == 1 else math.ceil(_FILTER_REACH * max(1, ratio))
        return min(count, math.ceil(self.length * ratio) + beyond)

    def _check_length(self, count: int, rate: float, channels: int, said: str | None) -> None:
        kept = count / rate * self.sample_rate * (self.channels or 1)
        if max(count * channels, kept) > _MOST_SAMPLES:
            raise SourceError(
                "the sound is too long to be decoded whole",
                got="a stream that does not say how long it is"
                if said is None
                else f"{said} samples at {rate:g} Hz in {channels} channels",
                expected=f"at most {_MOST_SAMPLES} samples",
                fix="take its beginning with max_seconds=, or cut it into several files",
            )

    def _check_channels(self, found: int) -> None:
        if self.channels in (None, found):
            return
        raise SourceError(
            "the sound has another number of channels than the sequence",
            got=f"{found} in the file",
            expected=f"{self.channels}, as channels={self.channels} says",
            fix=f'pass channels="mono", which averages them; or channels={found}, where all files '
            "have as many",
        )


def require_packages() -> None:
    """Raises MissingPackageError unless all packages that sounds need are installed."""
    load_soundfile(), _soxr()


def _check_whole(log: str) -> None:
    for claimed, actual in _CUT.findall(log):
        if int(actual) + _SLACK < int(claimed) < _PIPED:
            raise _cut_short(f"{actual} bytes of {claimed}")


def _cut_short(got: str) -> SourceError:
    return SourceError(
        "the sound is cut short", got=got, fix="restore the file, or leave its key out"
    )


def _broken(got: str) -> SourceError:
    return SourceError(
        "this is no sound, or a damaged one",
        got=got,
        expected="a whole WAV, FLAC, Ogg, MP3, AIFF, AU or CAF file",
        fix="restore the file, or leave its key out; files of other formats are read with read=",
    )


@functools.cache
def load_soundfile() -> Any:
    """Returns the package soundfile."""
    return _imported("soundfile")


@functools.cache
def _soxr() -> Any:
    return _imported("soxr")


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # soundfile raises OSError where it has no libsndfile.
        raise MissingPackageError(
            f"sounds need {name}, which is not installed", fix='pip install "multiseq[audio]"'
        ) from error
