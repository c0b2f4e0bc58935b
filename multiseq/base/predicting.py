"""Sequences to predict from, and what a model predicts, by key."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..engine.job import Layout
from ..errors import ArgumentError, describe, naming
from .mending import Mending
from .views import Views

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predicting"]


class Predicting(Views, Mending):
    """The side of a sequence that gives a model its inputs alone."""

    def make_layout(self) -> Layout:
        """Returns what the samples look like; a subclass says it."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the workers; a subclass does it."""
        raise NotImplementedError

    def for_prediction(self) -> Self:
        """Returns a sequence for `model.predict`: all samples, inputs alone, in source order.

        It neither shuffles nor samples nor augments, and a sample that cannot be loaded raises.
        The k-th prediction is that of `keys[k]`.
        """
        settings = {"shuffle": False, "sampler": None, "augmented": False, "drop_last": False}
        other = self._copy(settings=settings | {"on_error": "raise"})
        other._settings = other._settings.sharing(0, 1)
        other._inputs_only = True
        return other

    def predictions(self, model: Any, **keywords: Any) -> pd.DataFrame:
        """Returns a model's predictions by key: a row for each sample, in source order.

        Columns are named after the model's outputs: the names of a dict, `model.output_names` for
        a list, "prediction" for a single output. One of several units has a column for each, with
        its number behind the name: "prediction_0"; "prediction_0_1" where there are more axes.

        Where `on_error` substitutes samples, the predictions of those that could not be loaded are
        missing (NaN).

        Args:
            model: Anything with Keras' `predict`.
            **keywords: For `model.predict`, such as `verbose=0`.

        Raises:
            ArgumentError: The model did not return a row for each sample, or rows whose length
                varies by batch.
        """
        with naming(self.called):
            view = self.for_prediction().replace(on_error=self._settings.on_error)
            try:
                frame = _as_frame(_predicted(model, view, keywords), view.keys, model)
            finally:
                view.close()
            view._report_substituted(view._clock.epoch)
            if view._reported:
                indices = view.source_indices(np.arange(view.num_samples))
                lost = np.isin(indices, list(view._reported))
                frame = frame.mask(np.broadcast_to(lost[:, None], frame.shape))
            return frame

    def served_layout(self) -> Layout:
        """What this sequence's batches look like: its samples, or their inputs alone."""
        layout = self.make_layout()
        if not self._inputs_only:
            return layout
        structure = layout.structure.of_inputs()
        return Layout(structure, layout.specs[: len(structure)])


def _predicted(model: Any, view: Predicting, keywords: dict[str, Any]) -> Any:
    """Returns what the model predicts; where lengths vary, Keras fails on JAX and torch."""
    try:
        return model.predict(view, **keywords)
    except ValueError as error:
        if "concatenat" not in str(error):
            raise
        raise _varies(str(error)) from error


def _varies(got: str) -> ArgumentError:
    return ArgumentError(
        "the model predicts arrays whose length varies by batch, which make no table",
        got=got,
        expected="the same shape in every batch",
        fix="pad all batches to one length, with max_length=; or let the model return a row of "
        "fixed length for each sample",
    )


def _as_frame(outputs: Any, keys: pd.Index[Any], model: Any) -> pd.DataFrame:
    """Returns predictions as a table, a column for each unit of each output.

    Args:
        outputs: What `predict` returned: an array, or a list, tuple or dict of arrays.
        keys: Of the rows.
        model: Its `output_names` name outputs that are not in a dict, where it has them.

    Raises:
        ArgumentError: An output has not a row for each key.
    """
    import pandas as pd

    if isinstance(outputs, dict):
        named = outputs
    elif isinstance(outputs, list | tuple):
        names = getattr(model, "output_names", None)
        if not names or len(names) != len(outputs):
            names = [f"output_{number}" for number in range(len(outputs))]
        named = dict(zip(names, outputs, strict=True))
    else:
        named = {"prediction": outputs}
    return pd.concat([_columns(name, named[name], keys) for name in named], axis=1)


def _columns(name: Any, output: Any, keys: pd.Index[Any]) -> pd.DataFrame:
    import pandas as pd

    array = np.asarray(output)
    if array.dtype == object:  # TensorFlow's ragged tensor.
        raise _varies(f"output {name!r} of {describe(output)}")
    if not array.ndim or len(array) != len(keys):
        raise ArgumentError(
            f"the model did not predict a row for each sample in output {name!r}",
            got=describe(array),
            expected=f"{len(keys)} rows",
            fix="leave steps= out of predict, and let the model keep the batch axis",
        )
    if array.dtype.kind == "V":  # bfloat16, which pandas does not know.
        array = array.astype(np.float32)
    units = list(itertools.product(*map(range, array.shape[1:])))
    names = ["_".join(map(str, (name, *unit))) for unit in units]
    if len(names) == 1:
        names = [name]
    return pd.DataFrame(array.reshape(len(keys), -1), index=keys, columns=names)
