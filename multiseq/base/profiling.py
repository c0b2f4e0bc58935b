"""`seq.profile()`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, naming
from .views import Views

if TYPE_CHECKING:
    from ..profiling.report import ProfileReport

__all__ = ["Profiling"]


class Profiling(Views):
    """The side of a sequence that says where the time of a batch goes.

    What measures it is imported when it is asked: worker processes import this class.
    """

    @property
    def _faster(self) -> Mapping[str, str]:
        """What makes stages of this class faster, in words, where there is more than for others."""
        return {}

    def profile(
        self, model: Any = None, *, try_it: bool = False, seconds: float = 1.0
    ) -> ProfileReport:
        """Measures where the time of a batch goes, and says what to change, and its gain.

            >>> print(train.profile(model))

        Loading is timed by part and by stage: opening, reading, decoding, transforms, `augment`,
        `collate`, transport from workers. With a model, it trains for some seconds, on one batch
        that is there already and on this sequence, and is put back as it was: weights, optimizer,
        metrics and random numbers, to the bit. This sequence stays as it is too: copies of it are
        measured. Leave the machine alone meanwhile.

        A change of keywords is advised after a short trial, so that its gain is what was seen; what
        takes a change of your code or data has an upper bound of it, "at most". The limit is the
        model's own speed in epochs as long as these: Keras takes its time between epochs.

        Args:
            model: A compiled model that this sequence feeds.
            try_it: Whether to make the change that is advised, in a copy, and measure it again.
            seconds: For how long one thing is measured, of which there are up to fifteen.

        Returns:
            A report, to be printed. `bottleneck` is a sentence, `lines` are the stages, `advice`
            has what to change; `to_dict()` gives plain data, `plot()` a Matplotlib figure.

        Raises:
            ArgumentError: The model is not compiled; `seconds` is not above 0.
            SampleError: A sample could not be loaded.
        """
        from ..profiling.run import profile

        with naming(self.called):
            if model is not None and not getattr(model, "optimizer", None):
                raise ArgumentError(
                    "profile has no model that can be trained",
                    got=model,
                    expected="a compiled model, or None to measure loading alone",
                    fix="call model.compile(...) first",
                )
            return profile(self, model, bool(try_it), _checked(seconds))


def _checked(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ArgumentError("bad seconds", got=seconds, expected="a number above 0")
    return float(seconds)
