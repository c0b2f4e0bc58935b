"""What a model says of itself: its inputs, outputs, losses, and what its layers do to an input.

Nothing here imports Keras: a model brings it along. What a model does not tell, such as the
inputs of one that is a subclass, is None.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Facts",
    "Loss",
    "Port",
    "copy_of",
    "embeddings",
    "facts_of",
    "flat",
    "known_as",
    "package",
    "path_from",
]

Shape = tuple[int | None, ...]

_SAME_VALUES = {
    *("Flatten", "Reshape", "RepeatVector", "Permute", "Concatenate", "Identity", "InputLayer"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "Cropping1D", "Cropping2D", "Squeeze"),
    *("ExpandDims", "Stack", "Cast", "Transpose", "Masking", "RandomFlip", "RandomCrop"),
}
_NAMES = {
    **dict.fromkeys(("mse", "MSE", "mean_squared_error"), "mean_squared_error"),
    **dict.fromkeys(("mae", "MAE", "mean_absolute_error"), "mean_absolute_error"),
    **dict.fromkeys(("mape", "MAPE"), "mean_absolute_percentage_error"),
    **dict.fromkeys(("msle", "MSLE"), "mean_squared_logarithmic_error"),
    **dict.fromkeys(("bce", "BCE"), "binary_crossentropy"),
    **dict.fromkeys(("kld", "KLD", "kullback_leibler_divergence"), "kl_divergence"),
    **dict.fromkeys(("logcosh", "log_cosh"), "log_cosh"),
}


@dataclass(frozen=True)
class Port:
    """One input or output of a model.

    Args:
        name: By which data are matched with it.
        shape: Of one sample, without the batch axis; None where it is not known.
        dtype: Its name.
        activation: Of an output: the function that makes it, such as "softmax"; None if unknown.
        tensor: The symbolic tensor, where there is one.
    """

    name: str
    shape: Shape | None
    dtype: str = "float32"
    activation: str | None = None
    tensor: Any = None


@dataclass(frozen=True)
class Loss:
    """A loss of Keras' own; `name` is None for any other, of which nothing is known."""

    name: str | None
    from_logits: bool = False
    ignored: int | None = None
    smooths: bool = False
    axis: int = -1

    @classmethod
    def of(cls, given: Any) -> Loss | None:
        """Returns what is known of a loss as `compile` takes it; None for no loss."""
        if given is None:
            return None
        if isinstance(given, str):
            return cls(known_as(given))
        module = type(given).__module__ if not hasattr(given, "__name__") else given.__module__
        if not str(module).startswith(("keras.", "tf_keras.")):
            return cls(None)
        if hasattr(given, "__name__"):
            return cls.of(str(given.__name__))
        config = given.get_config()
        axis = config.get("axis")  # Of one that has several, classes lie along none.
        return cls(
            known_as(type(given).__name__),
            bool(config.get("from_logits", False)),
            config.get("ignore_class"),
            bool(config.get("label_smoothing", 0)),
            axis if isinstance(axis, int) else -1,
        )


def known_as(given: str) -> str:
    """The name of a loss or metric of Keras' own, however it is spelled."""
    name = given.replace("KLDivergence", "KlDivergence").replace("TopK", "TopK_")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _NAMES.get(given, _NAMES.get(name, name))


@dataclass
class Facts:
    """What is known of a model.

    Attributes:
        inputs: In the order in which data that have no names meet them; None if not known.
        by_name: Whether the model was declared with a dict of inputs.
        is_sequential: Whether it is a stack of layers, which takes one array.
        outputs: In the order in which targets without names meet them; None if not known.
        named_outputs: Whether it returns a dict.
        losses: As `compile` was given them.
        compiled: Whether it was compiled.
        trains_itself: Whether it has a `train_step` or `compute_loss` of its own.
    """

    inputs: list[Port] | None = None
    by_name: bool = False
    is_sequential: bool = False
    outputs: list[Port] | None = None
    named_outputs: bool = False
    losses: Any = None
    compiled: bool = False
    trains_itself: bool = False
    built: bool = True

    def loss_of(self, number: int, name: str) -> Loss | None:
        """The loss of an output, by its place among the outputs and its name."""
        losses = self.losses
        if isinstance(losses, dict):
            return Loss.of(losses.get(name))
        if isinstance(losses, list | tuple):
            if len(losses) == 1 and self.outputs is not None and len(self.outputs) > 1:
                return Loss.of(losses[0])
            return Loss.of(losses[number]) if number < len(losses) else None
        return Loss.of(losses)


def package(model: Any) -> Any:
    """Returns Keras, or tf_keras where the model is one of its; None for no Keras model."""
    for cls in type(model).__mro__:
        for name in ("tf_keras", "keras"):
            if cls.__module__.startswith(f"{name}.") and cls.__name__ == "Model":
                return sys.modules[name]
    return None


def facts_of(model: Any) -> Facts:
    """Returns what a model says of itself."""
    keras = package(model)
    facts = Facts(
        losses=getattr(model, "loss", None) or None,
        compiled=bool(getattr(model, "compiled", getattr(model, "optimizer", None) is not None)),
        trains_itself=_trains_itself(model, keras),
        is_sequential=isinstance(model, keras.Sequential),
        built=bool(getattr(model, "built", True)),
    )
    inputs = _tensors(model, "inputs")
    if inputs is None:
        return facts
    struct = getattr(model, "input", inputs) if not facts.is_sequential else inputs
    facts.by_name = isinstance(struct, dict)
    if isinstance(struct, dict):
        named = [(name, struct[name]) for name in sorted(struct)]
    else:
        named = [(_name_of(tensor), tensor) for tensor in inputs]
    facts.inputs = [
        Port(n, _shape(t), _dtype(t), tensor=t) for n, t in named if _shape(t) is not None
    ]
    outputs = _tensors(model, "outputs")
    if outputs is not None:
        struct = getattr(model, "output", outputs) if not facts.is_sequential else outputs
        facts.named_outputs = isinstance(struct, dict)
        names = list(getattr(model, "output_names", None) or [])
        if isinstance(struct, dict):
            names = sorted(struct)
            outputs = [struct[name] for name in names]
        if len(names) != len(outputs):
            names = [_name_of(tensor) for tensor in outputs]
        facts.outputs = [
            Port(name, _shape(t), _dtype(t), _activation(t), t)
            for name, t in zip(names, outputs, strict=True)
        ]
    return facts


def _tensors(model: Any, name: str) -> list[Any] | None:
    """The inputs or outputs of a model that knows them."""
    try:
        found = getattr(model, name)
    except (AttributeError, ValueError):  # A stack that is not built, or a subclass.
        return None
    return list(found) if found else None


def _trains_itself(model: Any, keras: Any) -> bool:
    hooks = ("train_step", "compute_loss", "fit")
    return any(
        getattr(type(model), hook, None) is not getattr(keras.Sequential, hook, None)
        for hook in hooks
    )


def _shape(tensor: Any) -> Shape | None:
    try:
        return tuple(tensor.shape)[1:]
    except (AttributeError, TypeError, ValueError):
        return None


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor, "dtype", "float32")
    return str(getattr(dtype, "name", dtype))


def _name_of(tensor: Any) -> str:
    history = getattr(tensor, "_keras_history", None)
    return str(history[0].name) if history is not None else str(getattr(tensor, "name", ""))


def _activation(tensor: Any) -> str | None:
    """The name of the function that makes a tensor, seen through layers that change no values."""
    for _ in range(20):
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        operation, kind = history[0], type(history[0]).__name__
        if kind in ("Softmax", "Sigmoid", "ReLU", "Tanh", "Softplus"):
            return kind.lower()
        name = getattr(getattr(operation, "activation", None), "__name__", None)
        recurrent = hasattr(operation, "cell") or "LSTM" in kind or "GRU" in kind
        if name not in (None, "linear") or (name and kind != "Activation" and not recurrent):
            return str(name)
        if kind not in _SAME_VALUES and kind != "Activation":
            inner = _tensors(operation, "outputs") if hasattr(operation, "layers") else None
            if not inner or len(inner) != 1:
                return None
            tensor = inner[0]
            continue
        node = _node_of(operation, tensor)
        before = [] if node is None else _inputs_of(node)
        if len(before) != 1:
            return None
        tensor = before[0]
    return None


# The graph of a functional model. What is read of it has no public name, and has kept its own
# from tf_keras to Keras 3.15; where it is missing, nothing is known.


def flat(nested: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts, in Keras' order."""
    if isinstance(nested, dict):
        return [leaf for name in sorted(nested) for leaf in flat(nested[name])]
    if isinstance(nested, list | tuple):
        return [leaf for each in nested for leaf in flat(each)]
    return [nested]


def _nodes(operation: Any) -> list[Any]:
    return list(getattr(operation, "_inbound_nodes", ()))


def _inputs_of(node: Any) -> list[Any]:
    return flat(getattr(node, "input_tensors", ()))


def _outputs_of(node: Any) -> list[Any]:
    return flat(getattr(node, "output_tensors", ()))


def _node_of(operation: Any, tensor: Any) -> Any:
    for node in _nodes(operation):
        if any(each is tensor for each in _outputs_of(node)):
            return node
    return None


def _operations(model: Any) -> list[Any]:
    return list(getattr(model, "operations", []) or getattr(model, "layers", []))


def path_from(model: Any, tensor: Any, through: set[str] | None = None) -> Iterator[Any]:
    """Yields the layers that an input reaches unchanged, those that change it included.

    Args:
        model: A functional model.
        tensor: One of its inputs.
        through: Names of classes to go on behind; by default those that change no values.
    """
    through = _SAME_VALUES if through is None else through
    operations, waiting, seen = _operations(model), [tensor], set()
    while waiting:
        now = waiting.pop()
        for operation in operations:
            for node in _nodes(operation):
                places = [n for n, each in enumerate(_inputs_of(node)) if each is now]
                if not places or (id(node) in seen and not hasattr(operation, "layers")):
                    continue
                seen.add(id(node))
                inner = _tensors(operation, "inputs") if hasattr(operation, "layers") else None
                if inner:
                    for place in places:
                        if place < len(inner):
                            yield from path_from(operation, inner[place], through)
                    continue
                kind = type(operation).__name__
                yield operation
                if kind in through:
                    waiting += [each for each in _outputs_of(node) if each is not now]


def embeddings(model: Any) -> list[Any]:
    """The Embedding layers of a model, in whatever it is nested."""
    try:
        layers = list(model._flatten_layers())
    except AttributeError:
        layers = list(getattr(model, "layers", ()))
    found = [each for each in layers if hasattr(each, "input_dim") and hasattr(each, "output_dim")]
    return list({id(each): each for each in found}.values())


def copy_of(model: Any) -> Any:
    """Returns a model of the same making with weights of its own; None where it can't be made."""
    try:
        if _tensors(model, "inputs") is not None or isinstance(model, package(model).Sequential):
            return type(model).from_config(model.get_config())
        if "get_config" in vars(type(model)):
            return type(model).from_config(model.get_config())
        return type(model)(**_arguments(model))
    except Exception:
        return None


def _arguments(model: Any) -> dict[str, Any]:
    """What the constructor of a subclass was given, as its attributes of the same names say."""
    found = {}
    for name, parameter in list(inspect.signature(type(model).__init__).parameters.items())[1:]:
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            value = getattr(model, name)
            if not isinstance(value, str | int | float | None):
                raise TypeError(f"{name} is not what was given")
            found[name] = value
    return found
