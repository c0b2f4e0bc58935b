"""Where in the epochs a sequence is: told, kept, and gone back to."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._fitting import Fit
from ..checks import check_count
from ..errors import ArgumentError, describe, naming
from ..keys.hashing import hash_keys, hash_numbers
from ..order import Indices
from ..runs.callback import Resume, resume_callback
from .views import Views

__all__ = ["Resuming"]

_VERSION = 1


class Resuming(Views):
    """The side of a sequence that never loses its place."""

    _fingerprint: tuple[Any, str] = None, ""  # Of the keys; and which these were.
    _values_hashed: tuple[Any, str] = None, ""  # Of which sampler; and what.

    @property
    def _whole(self) -> Any:
        """This sequence, as which it has what other sides of it give."""
        return self

    def state_dict(self) -> dict[str, Any]:
        """Returns where in the epochs this sequence is, as a dict that can be written as JSON.

        It says what was trained on, whatever was read ahead: called by a callback of `fit`, the
        steps that are done; in a loop of your own over the sequence, the batches that it gave,
        the one in hand included. A loop over `seq[i]` knows its `i` alone, and says so itself:
        `seq.state_dict() | {"batches": i + 1}`.

        It does not depend on workers, nor on the number of shards at one `batch_size`.

        Returns:
            "version"; "seed"; "epoch", and "batches" of it that were trained on; and what they are
            batches of: "samples", "fingerprint" (a hash of the keys, and of those that parts of a
            left join lack), "spec" and "order".

        Raises:
            ArgumentError: `fit` shuffles the batches of a sequence that does not, and its order
                cannot be told.
        """
        epoch, batches = self._trained(Fit.around(sys._getframe(1)))
        state = {"version": _VERSION, "seed": self._settings.seed}
        return state | {"epoch": epoch, "batches": batches} | self._data()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to where `state_dict()` of a sequence over the same data was.

        The next pass is the rest of that epoch: of a loop over this sequence, or the first epoch
        of `fit`. The seed becomes the state's. What the state was of must be as it was: samples,
        inputs, `batch_size`, shuffling; workers, shards and augmentation may differ.

        Args:
            state: As `state_dict` returned it.

        Raises:
            ArgumentError: It is of other data, or no state at all; it says in what they differ.
        """
        with naming(self.called):
            epoch, batches, seed = _checked(state)
            own = self._data()
            for name, (what, fix) in _WHAT.items():
                if state[name] != own[name]:
                    raise ArgumentError(
                        f"the state is of another sequence: {what} differ",
                        got=_differing(state[name], own[name]),
                        expected=_differing(own[name], state[name]),
                        fix=fix,
                    )
            if batches > self._whole.num_batches:
                raise ArgumentError(
                    "the state is beyond the end of the epoch",
                    got=f"{batches} batches",
                    expected=f"at most {self._whole.num_batches}",
                )
            if seed != self._settings.seed:
                self._settings = self._settings.replace({"seed": seed})
                self._whole.close()
            self._clock.set(epoch, batches)

    def resume(self, folder: str | os.PathLike[str], every: int = 500) -> Resume:
        """Returns a callback of `fit` with which the same script, started again, goes on.

            >>> model.fit(train, epochs=9, callbacks=[train.resume("run/")])

        It saves to a folder, after so many steps and after each epoch: all variables of the model
        (those of dropout's random numbers too), the optimizer, metrics, the plain state of the
        other callbacks (EarlyStopping, ReduceLROnPlateau, ModelCheckpoint, History) and this
        sequence's place. A run that was killed anywhere goes on with the step after the last that
        was saved, in mid-epoch too; of a run that had come to its end nothing is trained again.
        Weights and History are then those of a run that was left alone, to the bit, with any
        workers, as far as the backend computes the same twice.

        With `steps_per_execution` and `steps_per_epoch` too, validation in between is repeated
        whole. On tf_keras, layers with random numbers draw others after a restart, and a model has
        no `steps_per_execution`. Not saved are the global random numbers of Python and NumPy.

        Args:
            folder: Of this run alone: a second `fit` has another. It is made where there is none.
            every: Steps from one checkpoint to the next. Two are kept.

        Raises:
            ArgumentError: `every` is no number of steps. In `fit`: it trains on something else, or
                shuffles the batches of a sequence that does not shuffle; what was saved is of
                other data or of another model.
            SourceError: In `fit`: what was saved cannot be read.
        """
        with naming(self.called):
            return resume_callback(
                self._whole, folder, check_count("every", every, 1, "such as 500")
            )

    def _trained(self, fit: Fit | None) -> tuple[int, int]:
        steps = fit.trained() if fit is not None and fit.x is self else None
        if fit is None or steps is None:
            return self._clock.epoch, min(self._clock.place, self._whole.num_batches)
        epoch, batches = self._clock.trained(steps)
        if batches < self._whole.num_batches and steps:
            self._check_order(fit)
        return epoch, min(batches, self._whole.num_batches)

    def _is_first_shard(self) -> bool:
        """Whether this is the one of several processes that saves for all."""
        return self._settings.share[0] == 0

    def _check_order(self, fit: Fit) -> None:
        """Raises ArgumentError where nobody can tell which batches were trained on."""
        if fit.shuffles and not self._decides_order:
            raise ArgumentError(
                "Keras shuffles the batches of this sequence, in an order that no state can tell",
                got="fit(shuffle=True), Keras' default, of a sequence that does not shuffle",
                fix="let the sequence shuffle: shuffle=True, or seq.replace(shuffle=True); or "
                "pass fit(..., shuffle=False)",
            ).at(cls=self.called)

    def _data(self) -> dict[str, Any]:
        """What batches are counted of."""
        settings, layout = self._settings, self._whole._layout()
        sampler = settings.sampler
        return {
            "samples": self.num_samples,
            "fingerprint": self._keys_hashed(),
            "spec": {
                name: f"{np.dtype(spec.dtype).name} {spec.shape}".replace("None", "any")
                for name, spec in zip(layout.structure.names, layout.specs, strict=True)
            },
            "order": {
                "batch_size": settings.batch_size,
                "shuffle": bool(settings.shuffle),
                "sampler": None if sampler is None else _said(sampler),
                "drop_last": bool(settings.drop_last),
            }
            | self._order_hashed(),
        }

    def _keys_hashed(self) -> str:
        keys, known = self._fingerprint
        if keys is not self._keys:
            known = _hashed(self._keys)
            self._fingerprint = self._keys, known
        return known

    def _order_hashed(self) -> dict[str, str]:
        """A hash of what the order goes by beside numbers, such as a sampler's weights."""
        sampler = self._settings.sampler
        decides = getattr(sampler, "_decides", ())
        if not decides:
            return {}
        if self._values_hashed[0] is not sampler:
            self._values_hashed = sampler, hash_numbers(decides)
        return {"sampler_values": self._values_hashed[1]}

    def _lacking(self, indices: Indices) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """What parts are called that lack samples; and which of these samples they have."""
        return []

    def _has_leaf(self, leaf: str, indices: Indices) -> npt.NDArray[np.bool_]:
        """Which of these samples have an input, by its full name, and not what fills it."""
        return np.ones(len(indices), bool)


_WHAT = {
    "samples": ("the numbers of samples", "build it from the data of the run that was saved"),
    "fingerprint": (
        "the keys of the samples, or those that a part of a join lacks,",
        "build it from the data of the run that was saved; split them with the same seed=",
    ),
    "spec": ("inputs or targets", "build it with the inputs and targets of the run"),
    "order": ("what makes up the order", "pass the keywords of the run that was saved"),
}


def _said(sampler: Any) -> str:
    """What decides the order, or at least which sampler it is."""
    name = getattr(sampler, "__qualname__", type(sampler).__qualname__)
    return str(getattr(sampler, "signature", name))


def _hashed(keys: Any) -> str:
    """A hash of keys, the same on any machine."""
    import pandas as pd

    if isinstance(keys, pd.RangeIndex):
        content: Any = f"range {keys.start} {keys.stop} {keys.step}".encode()
    elif isinstance(keys.dtype, np.dtype) and keys.dtype.kind in "iuf":
        values = keys.to_numpy()
        content = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).data
    else:
        content = hash_keys(keys).astype("<u8").data
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _checked(state: Any) -> tuple[int, int, int]:
    """Returns the epoch, its batches and the seed of what may be no state."""
    names = {"version", "seed", "epoch", "batches", *_WHAT}
    if not isinstance(state, Mapping) or not names <= state.keys():
        lacks = sorted(names - state.keys()) if isinstance(state, Mapping) else None
        raise ArgumentError(
            "this is no state of a sequence",
            got=f"a dict without {', '.join(lacks)}" if lacks else describe(state),
            expected="what state_dict() returned",
        )
    if state["version"] != _VERSION:
        raise ArgumentError(
            "the state is of another version of multiseq",
            got=state["version"],
            expected=_VERSION,
            fix="go on with the version that saved it",
        )
    return (
        check_count("epoch", state["epoch"], 0),
        check_count("batches", state["batches"], 0),
        check_count("seed", state["seed"], 0),
    )


def _differing(value: Any, other: Any) -> Any:
    """The part of a value that differs from another one."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return {name: each for name, each in value.items() if other.get(name) != each}
    return value
