"""One pass of a model over a batch, and its loss, without a trace: nothing of it changes."""

from __future__ import annotations

import contextlib
import random
import re
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _keras
from ._keras_model import copy_of, embeddings, package

__all__ = [
    "Seen",
    "called_on",
    "config_of",
    "has_batch_norm",
    "loss_on",
    "losses_of_copy",
    "plain_text",
    "runnable",
    "unchanged",
]

_SECONDS = 60.0  # Of training a copy.

Seen = dict[str, tuple[int, float, float]]
"""By the name of an Embedding: its input_dim, and the least and greatest id that it was given."""


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Keeps what a call may change: variables that are not trained, and random numbers' state."""
    variables = list(model.non_trainable_variables) if model.built else []
    values = [array_of(each).copy() for each in variables]
    # NumPy's global state: layers of the user's may draw from it.
    states = random.getstate(), np.random.get_state(), _keras.random_state()  # noqa: NPY002
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if states[2] is not None:
            _keras.set_random_state(states[2])


def array_of(value: Any) -> Any:
    """Returns a tensor or a variable of any backend as an array."""
    value = getattr(value, "value", value)
    value = value() if callable(value) else value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return value.numpy()
    array = np.asarray(value)
    return array if array.dtype.kind in "biufSUO" else array.astype(np.float32)


def arrays_of(nested: Any) -> Any:
    """The same of all leaves of nested tensors."""
    if isinstance(nested, dict):
        return {name: arrays_of(each) for name, each in nested.items()}
    if isinstance(nested, list | tuple):
        return [arrays_of(each) for each in nested]
    return array_of(nested)


def runnable(model: Any) -> Any:
    """Returns the model, or a copy of one that is not built yet; None where none can be made."""
    return model if getattr(model, "built", True) else copy_of(model)


def called_on(model: Any, inputs: Any) -> tuple[Any, Seen]:
    """Returns what a model makes of a batch, as arrays, and which ids its Embeddings were given.

    None where it is nothing that arrays hold.

    Raises:
        Exception: Whatever the model raises; `seen` of it holds the ids up to there.
    """
    seen: Seen = {}
    with _recorded(model, seen), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of dicts for a single input, say, which Keras takes.
        try:
            outputs = model(_given(inputs), training=False)
        except Exception as error:
            error.seen = seen  # type: ignore[attr-defined]
            raise
    try:
        return arrays_of(outputs), seen
    except Exception:  # Ragged ones, say.
        return None, seen


def _given(inputs: Any) -> Any:
    leaves = inputs.values() if isinstance(inputs, dict) else inputs
    arrays = leaves if isinstance(inputs, dict | tuple) else [inputs]
    has_text = any(each.dtype.kind in "UST" for each in arrays)
    return _keras.with_text((inputs,))[0] if has_text else inputs


@contextlib.contextmanager
def _recorded(model: Any, seen: Seen) -> Iterator[None]:
    """Notes what the Embeddings of a model are given."""
    layers = [each for each in embeddings(model) if getattr(each, "input_dim", None)]
    for layer in layers:
        object.__setattr__(layer, "call", _recording(layer, seen))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _recording(layer: Any, seen: Seen) -> Any:
    call = layer.call

    def recording(inputs: Any, *args: Any, **keywords: Any) -> Any:
        with contextlib.suppress(Exception):
            ids = array_of(inputs)
            if ids.size:
                _, low, high = seen.get(layer.name, (0, ids.min(), ids.max()))
                limits = float(min(low, ids.min())), float(max(high, ids.max()))
                seen[layer.name] = (int(layer.input_dim), *limits)
        return call(inputs, *args, **keywords)

    return recording


def config_of(model: Any) -> dict[str, Any]:
    """What `compile` was given, as far as a model tells."""
    try:
        return dict(model.get_compile_config() or {})
    except Exception:  # Losses and metrics of the user's own may have no config.
        return {}


def loss_on(model: Any, losses: Any, names: list[str] | None, batch: tuple[Any, ...]) -> float:
    """Returns a loss as `fit` would compute it, by a model that has nothing else.

    Args:
        model: Whose Keras is meant.
        losses: As `compile` takes them.
        names: Of the outputs.
        batch: (targets, outputs, sample weights or None).

    Raises:
        Exception: Whatever Keras raises.
    """
    keras = package(model)
    probe = keras.Sequential(name="check")
    if names is not None:
        with contextlib.suppress(AttributeError):
            probe.output_names = names
    probe.compile(loss=losses, loss_weights=config_of(model).get("loss_weights"), optimizer="sgd")
    y, y_pred, weights = batch
    if keras.__name__ == "tf_keras":
        y, weights = _expanded(y), _expanded(weights)
        y, y_pred, weights = _tensors(y), _tensors(y_pred), _tensors(weights)
    value = probe.compute_loss(x=None, y=y, y_pred=y_pred, sample_weight=weights)
    return float(array_of(value))


def _tensors(nested: Any) -> Any:
    """As TensorFlow's tensors, which tf_keras' losses ask for."""
    if isinstance(nested, dict):
        return {name: _tensors(each) for name, each in nested.items()}
    if isinstance(nested, list | tuple):
        return type(nested)(_tensors(each) for each in nested)
    return nested if nested is None else sys.modules["tensorflow"].convert_to_tensor(nested)


def losses_of_copy(model: Any, batch: tuple[Any, ...], steps: int) -> list[float] | None:
    """Trains a copy of a model on one batch, without dropout, and returns the loss of each step.

    Args:
        model: Which stays as it is.
        batch: (inputs, targets), with sample weights or without.
        steps: How many, unless the loss is next to nothing before.

    Returns:
        None where no copy can be made.

    Raises:
        Exception: Whatever Keras raises.
    """
    copy, keras = copy_of(model), package(model)
    if copy is None:
        return None
    inputs, y, *weights = batch
    inputs = _given(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy(inputs)
        if model.built:
            copy.set_weights(model.get_weights())
        for layer in copy._flatten_layers():
            if type(layer).__name__.endswith(("Dropout", "Dropout1D", "Dropout2D", "Dropout3D")):
                layer.rate = 0.0
        optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
        config = model.get_compile_config() or {}
        copy.compile(optimizer=optimizer, loss=model.loss, loss_weights=config.get("loss_weights"))
        began, losses = time.monotonic(), []

        def note(epoch: int, logs: Any = None) -> None:
            losses.append(float(logs["loss"]))
            slow = time.monotonic() - began > _SECONDS
            copy.stop_training = slow or losses[-1] < 0.05 * losses[0]

        data = [list(part) if isinstance(part, tuple) else part for part in (inputs, y, *weights)]
        copy.fit(
            data[0],
            data[1],
            sample_weight=data[2] if weights else None,
            batch_size=len(_first(y)),
            epochs=steps,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
        )
    return losses


def _first(part: Any) -> Any:
    leaves = (
        part.values() if isinstance(part, dict) else part if isinstance(part, tuple) else [part]
    )
    return next(iter(leaves))


def has_batch_norm(model: Any) -> bool:
    """Whether a model has a layer that normalizes over its batch, and that is trained."""
    layers = getattr(model, "_flatten_layers", lambda: getattr(model, "layers", ()))()
    return any(type(layer).__name__ == "BatchNormalization" and layer.trainable for layer in layers)


def _expanded(nested: Any) -> Any:
    """As tf_keras gives arrays of one axis to losses: with a second one."""
    if isinstance(nested, dict):
        return {name: _expanded(each) for name, each in nested.items()}
    if isinstance(nested, list | tuple):
        return type(nested)(_expanded(each) for each in nested)
    return nested[:, None] if isinstance(nested, np.ndarray) and nested.ndim == 1 else nested


def plain_text(error: BaseException, most: int = 400) -> str:
    """What Keras says, without colors, call stacks and the arguments that it repeats."""
    text = re.sub(r"\x1b\[[0-9;]*m|\\x1b\[[0-9;]*m", "", str(error)).replace("\\n", "\n")
    text = re.split(r"Arguments received by|Call arguments received by", text)[0]
    text = re.sub(r"\{\{function_node[^}]*\}\}\s*|\[Op:[^]]*\]|name:\s*$", "", text)
    text = re.sub(r"^[\"']?Exception encountered when calling [^\n]*", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = " ".join(lines)
    return f"{type(error).__name__}: {text[:most]}{'…' if len(text) > most else ''}"
