"""A model that takes raw values: what was learned from training is in it, as Keras layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _keras
from ._keras_model import Port, facts_of, package
from ._keras_serving import filled, vectorized, worded
from .combined import CombinedSequence
from .errors import ArgumentError, at_input, describe, list_names, naming
from .filling import FilledMember
from .members import SequenceMember
from .sequence import MultiInputSequence
from .transforms import MinMax, Standardize, Transform, Vocabulary
from .transforms.missing import Fill, FillMean, Refuse
from .wording import Texts

__all__ = ["serving_model"]

_BLUR = 1e-3  # Of their spread, by which numbers may be rounded.
_ENCODE = "encode raw records before the model: model.predict_on_batch(train.encode(raw))"


def serving_model(model: Any, train: MultiInputSequence) -> Any:
    """Returns a model that takes raw values where `model` takes transformed ones.

        >>> served = multiseq.serving_model(model, train)
        >>> served.save("served.keras")

    It has the inputs of `model`, by their names, and does with raw values what `train` does, step
    by step, by the layers of `to_keras()`. It is one Keras model: whoever loads it needs no
    multiseq, and no custom objects. An input takes

    - numbers as they were before `Standardize` or `MinMax`, float32. NaN stands for a missing one:
      it becomes what `missing=` says, else the mean under `Standardize`.
    - categories before `Vocabulary` or `Labels`: text, or int64. For a missing one give what
      `missing=` says, else the vocabulary's mask; without a mask, whatever was not learned.
    - whole texts, shape (n,), of a `TextSequence` whose tokenizer is a TextVectorization layer, or
      the default of a `Vocabulary` with `max_length`; ids are then the same for any Unicode text.
      With another tokenizer that gives words, it takes these, of the input's length, padded with
      the vocabulary's mask. So it does under tf_keras; where there are Greek words, whose sigma
      depends on its place; and with padding or cuts that the layer does not know.
    - anything else as `train` gives it: images, waveforms, ids.

    Text and categories are looked up on TensorFlow alone: on JAX and torch, `encode` raw records.
    Layers compute in float32: what it blurs, as seconds of a day counted from 1970, is refused.

    Args:
        model: A functional or Sequential model, which `train` feeds.
        train: The sequence that it was trained on, whose transforms were learned.

    Returns:
        A Keras model (of tf_keras if `model` is one), with the weights of `model` itself.

    Raises:
        ArgumentError: A step has no Keras layer (a function, scikit-learn's), or numbers that
            float32 blurs; the sequence has a `map` or `collate`; the inputs are not those of the
            model; or there are texts or categories on another backend than TensorFlow.
        NotAdaptedError: A transform has learned nothing yet.
    """
    if not isinstance(train, MultiInputSequence):
        raise ArgumentError("serving_model has no sequence", got=train)
    with naming(train.called):
        _check_map(train)
        ports, keras = _checked_inputs(model), package(model)
        inputs, values = {}, {}
        for port in ports:
            with at_input(port.name):
                leaf = _leaf_of(port.name, train, [each.name for each in ports])
                raw, values[port.name] = _served(port, train, leaf, keras)
                inputs[port.name] = raw
        taken = inputs if isinstance(_declared(model), Mapping | list | tuple) else raw
        return keras.Model(taken, model(_as_declared(model, values)))


def _served(port: Port, train: MultiInputSequence, leaf: str, keras: Any) -> tuple[Any, Any]:
    """Returns an input of raw values, and what is made of it."""
    _check_filled(train, leaf)
    texts, steps = _texts_of(train, leaf, keras), train._steps_at(leaf)
    if texts is not None:
        _check_looks_up()
        raw = keras.Input((), dtype="string", name=port.name)
        if texts.layer is not None:
            return raw, _applied(steps, vectorized(keras, raw, texts.layer), keras)
        return raw, _applied(steps[1:], worded(keras, raw, texts), keras)  # After the vocabulary.
    if _categories(steps):
        _check_looks_up()
    raw = _raw(port, steps, keras)
    return raw, _applied(steps, raw, keras)


def _check_map(sequence: MultiInputSequence) -> None:
    """Raises ArgumentError where a function makes samples or batches, here or in a part."""
    if sequence.collates:
        raise ArgumentError(
            "collate is a function of Python, which no Keras model holds", fix=_ENCODE
        ).at(cls=sequence.called)
    if sequence._pipeline is not None and sequence._pipeline.maps:
        raise ArgumentError(
            "map= is a function of Python, which no Keras model holds", fix=_ENCODE
        ).at(cls=sequence.called)
    for part in sequence.parts if isinstance(sequence, CombinedSequence) else []:
        _check_map(part)


def _checked_inputs(model: Any) -> list[Port]:
    """Returns the model's inputs."""
    known = package(model) is not None
    inputs = facts_of(model).inputs if known else None
    if not inputs:
        raise ArgumentError(
            "serving_model needs a model whose inputs are known",
            got=f"a {type(model).__name__} without inputs" if known else model,
            expected="a functional or Sequential Keras model, built",
            fix="call it from a functional model: keras.Model(inputs, model(inputs))",
        )
    return inputs


def _as_declared(model: Any, values: Mapping[str, Any]) -> Any:
    """Returns values nested as the model's inputs are."""
    declared, found = _declared(model), list(values.values())
    if isinstance(declared, Mapping):
        return dict(values)
    return found if isinstance(declared, list | tuple) else found[0]


def _declared(model: Any) -> Any:
    """Returns the model's inputs, nested as they were declared.

    A Sequential model has one, and says so by `input` only once another model has called it.
    """
    return model.inputs[0] if isinstance(model, package(model).Sequential) else model.input


def _leaf_of(name: str, train: MultiInputSequence, names: list[str]) -> str:
    """Returns the full name of the sequence's input that goes to one of the model's."""
    keys = train._layout().structure.keys("inputs") or ()
    if not keys and len(names) == 1:
        return "inputs"
    if name in keys:
        return f"inputs[{name!r}]"
    if len(keys) == len(names) and all(isinstance(key, int) for key in keys):
        return f"inputs[{names.index(name)}]"
    raise ArgumentError(
        f"the sequence has no input {name!r}, which the model takes",
        got=list_names(map(str, keys)) if keys else "one input without a name",
        expected=list_names(names),
        fix="serve the model with the sequence that it was trained on",
    )


def _source_of(sequence: MultiInputSequence, leaf: str) -> list[tuple[MultiInputSequence, str]]:
    """Returns the sequences that load an input, and what it is called in each.

    These are several where they lie one after the other.
    """
    found = []
    for member, number in _members_at(sequence, leaf):
        each = member.member if isinstance(member, FilledMember) else member
        if not isinstance(each, SequenceMember) or number >= len(each.structure):
            return [(sequence, leaf)]
        found += _source_of(each.sequence, each.structure.names[number])
    return found or [(sequence, leaf)]


def _members_at(sequence: MultiInputSequence, leaf: str) -> list[tuple[Any, int]]:
    """Returns who gives an input, and its number there, where a sequence is made of others."""
    return sequence._members_at(leaf) if isinstance(sequence, CombinedSequence) else []


def _check_filled(sequence: MultiInputSequence, leaf: str) -> None:
    """Raises ArgumentError where training has filled an input with what no raw value becomes."""
    steps = sequence._steps_at(leaf)
    for member, number in _members_at(sequence, leaf) if steps else []:
        each = member.member if isinstance(member, FilledMember) else member
        if not isinstance(each, SequenceMember) or number >= len(each.structure):
            continue
        if each is not member and member.lacks_any:
            fill = member.fills[number].value
            # By these, what is missing becomes 0; a step of the whole would make another of it.
            zero = isinstance(steps[-1], Standardize | Vocabulary) and not np.any(fill)
            if not zero or len(steps) > len(each.steps_of(number)):
                raise ArgumentError(
                    "a part of a left join lacks this input of some samples, and no raw value "
                    "becomes what training had in its place",
                    got=f"filled with {fill!r}",
                    fix=_ENCODE,
                )
        _check_filled(each.sequence, each.structure.names[number])


def _texts_of(train: MultiInputSequence, leaf: str, keras: Any) -> Texts | None:
    """Returns how whole texts become an input, where a model can do it."""
    found = [part._whole_texts for part, name in _source_of(train, leaf) if name == "inputs"]
    if not found or found[0] is None or any(each != found[0] for each in found):
        return None
    return found[0] if found[0].layer is not None or hasattr(keras, "ops") else None


def _raw(port: Port, steps: tuple[Any, ...], keras: Any) -> Any:
    """Returns the input of raw values."""
    shape = port.shape
    if shape and any(getattr(step, "one_hot", False) for step in steps):
        shape = shape[:-1]
    return keras.Input(shape, dtype=_raw_dtype(steps, port), name=port.name)


def _applied(steps: tuple[Any, ...], value: Any, keras: Any) -> Any:
    """Returns what the steps make of a value, one by one, as Keras' layers."""
    for step in steps:
        value = _made_by(step, value, keras, bool(_categories(steps)))
    return value


def _made_by(step: Any, value: Any, keras: Any, looked_up: bool) -> Any:
    """Returns what one step makes of a value.

    Args:
        step: A transform, or what is done with values that are missing.
        value: Numbers or categories.
        keras: The package of the model.
        looked_up: Whether there are categories, among which nothing tells what is missing.
    """
    if isinstance(step, FillMean | Fill):
        if looked_up:
            return value
        return filled(keras, value, step.mean if isinstance(step, FillMean) else step.value)
    if isinstance(step, Refuse):
        return value  # A model refuses nothing.
    if not isinstance(step, Transform):
        raise ArgumentError(
            "a function of Python has no Keras layer",
            got=describe(step),
            fix=f"{_ENCODE}; or put a layer that does the same into the model in its place",
        )
    if isinstance(step, Standardize | MinMax):
        _check_digits(step)
    value = step.to_keras()(value)
    return filled(keras, value, 0) if isinstance(step, Standardize) else value


def _check_digits(step: Standardize | MinMax) -> None:
    """Raises ArgumentError where numbers are so large beside their spread that float32 blurs it."""
    if isinstance(step, Standardize):
        largest, spread = np.abs(step.mean), np.sqrt(step.variance)
    else:
        largest = np.maximum(np.abs(step.minimum), np.abs(step.maximum))
        spread = step.maximum - step.minimum
    blurred = np.spacing(largest.astype(np.float32)) > _BLUR * spread
    if (blurred & (spread > 0)).any():
        number = int(np.argmax(blurred & (spread > 0)))
        raise ArgumentError(
            "a served model computes in float32, which cannot tell these numbers apart",
            got=f"a feature around {largest.flat[number]:.10g} that spreads by "
            f"{spread.flat[number]:.3g}",
            expected=f"numbers that float32 rounds by less than {_BLUR:g} of their spread",
            fix="subtract what they have in common before training, as a column of its own; or "
            + _ENCODE,
        )


def _check_looks_up() -> None:
    """Raises ArgumentError where no model takes text, or looks up categories."""
    if not _keras.on_tensorflow():
        raise ArgumentError(
            "a model looks up categories and words on TensorFlow alone",
            got=f"the backend {_keras.facts().get('keras.config.backend')}",
            fix=_ENCODE,
        )


def _categories(steps: tuple[Any, ...]) -> tuple[Any, ...]:
    """The categories that are looked up; of numbers there are none."""
    found = (getattr(s, "categories", None) or getattr(s, "classes", None) for s in steps)
    return next((tuple(each) for each in found if each), ())


def _raw_dtype(steps: tuple[Any, ...], port: Port) -> str:
    categories = _categories(steps)
    if any(isinstance(each, str) for each in categories):
        return "string"
    if categories:
        return "int64"
    return "float32" if steps else port.dtype
