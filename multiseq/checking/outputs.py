"""Which target meets which output of the model, by Keras' own rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._keras_model import Facts, Loss, package
from .._keras_run import config_of
from ..errors import list_names
from .forward import Ran
from .looking import Leaf, Look
from .names import meant_by, nearest
from .report import Report

__all__ = ["Scored", "is_legacy", "match_targets"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Scored:
    """A target, the output that it is compared with, and the loss that does so.

    Attributes:
        leaf: The target.
        values: Of as many samples as are known, those of weight 0 left out.
        batch: Of the batch that was passed.
        name: Of the output.
        output: What the model made of that batch; None where it could not be called.
        shape: Of one sample's output; None where it is not known.
        activation: That makes the output; None where it is not known.
        loss: What is known of the loss.
    """

    leaf: Leaf
    values: Array
    batch: Array
    name: str
    output: Array | None
    shape: tuple[int | None, ...] | None
    activation: str | None
    loss: Loss


def match_targets(model: Any, ran: Ran, data: Look, report: Report) -> list[Scored]:
    """Returns which target meets which output; notes those that meet none."""
    facts = ran.facts
    outputs = _outputs(facts, ran.outputs)
    if facts.losses is None or facts.trains_itself or outputs is None:
        return []
    names = [name for name, *_ in outputs]
    _check_losses(facts, names, report)
    _check_metrics(model, facts, data, names, report)
    if _losses_turned(model, facts, names, report):
        return []
    losses = [facts.loss_of(number, name) for number, name in enumerate(names)]
    _check_weights(model, facts, data, names, report)
    pairs = _pairs(model, facts, data, names, losses, report)
    found = []
    for leaf, number in pairs:
        name, output, shape, activation = outputs[number]
        loss = losses[number]
        if loss is not None:
            part = ran.batch[1]
            batch = np.asarray(part if leaf.key is None else part[leaf.key])
            values = _weighed(leaf, data)
            found.append(Scored(leaf, values, batch, name, output, shape, activation, loss))
    return found


def _outputs(facts: Facts, made: Any) -> list[tuple[str, Any, Any, str | None]] | None:
    """(name, array, shape, activation) of each output; None where nothing is known."""
    if isinstance(made, dict):
        arrays: list[Any] = [made[name] for name in sorted(made)]
        names = sorted(made)
    elif isinstance(made, list):
        arrays, names = made, [f"output_{number}" for number in range(len(made))]
    else:
        arrays, names = [made], ["output"]
    ports = facts.outputs
    if ports is None:
        if made is None:
            one = not isinstance(facts.losses, list | tuple | dict)
            return [("output", None, None, None)] if one else None
        return [(n, a, a.shape[1:], None) for n, a in zip(names, arrays, strict=True)]
    if len(arrays) != len(ports):
        arrays = [None] * len(ports)
    return [
        (port.name, array, port.shape if array is None else array.shape[1:], port.activation)
        for port, array in zip(ports, arrays, strict=True)
    ]


def _check_losses(facts: Facts, names: list[str], report: Report) -> None:
    """Losses by name must be of outputs that there are."""
    losses = facts.losses
    if isinstance(losses, dict) and facts.outputs is not None:
        for name in losses:
            if name not in names:
                meant = nearest(name, names)
                report.add(
                    "error",
                    f"compile was given a loss for {name!r}, and the model has no such output",
                    got=list_names(losses),
                    expected=list_names(names),
                    fix=f"call it {meant!r}" if meant else "name the losses after the outputs",
                )
        missing = [name for name in names if name not in losses]
        if missing and not facts.named_outputs and not set(losses) - set(names):
            report.add(
                "error",
                f"compile was given no loss for {list_names(missing)}",
                got=list_names(losses),
                expected=list_names(names),
                fix=f"give each output a loss, or None for one that is not trained: "
                f"{missing[0]!r}: None",
            )
    elif isinstance(losses, list | tuple) and len(losses) not in (1, len(names)):
        report.add(
            "error",
            "losses and outputs differ in number",
            got=f"{len(losses)} losses",
            expected=f"{len(names)}, for {list_names(names)}",
            fix="give compile a loss for each output, by name",
        )


def _check_metrics(model: Any, facts: Facts, data: Look, names: list[str], report: Report) -> None:
    """Metrics and weights by name must be of outputs there are; weighted metrics want weights."""
    config = config_of(model)
    for what in ("metrics", "weighted_metrics", "loss_weights"):
        found = config.get(what)
        given = found if isinstance(found, dict) and "class_name" not in found else {}
        for name in given:
            if name not in names and facts.outputs is not None:
                meant = nearest(name, names)
                report.add(
                    "error",
                    f"compile was given {what} for {name!r}, and the model has no such output",
                    got=list_names(given),
                    expected=list_names(names),
                    fix=f"call it {meant!r}" if meant else f"name the {what} after the outputs",
                )
    if config.get("metrics") and data.masked:
        report.add(
            "warning",
            "targets may be missing, and metrics= counts what stands in their place",
            expected="metrics that heed the weights, which are 0 there",
            fix="compile(weighted_metrics=...) in place of metrics=",
        )
    if config.get("weighted_metrics") and not data.weights:
        report.add(
            "warning",
            "compile was given weighted_metrics, and there are no sample weights",
            expected="(inputs, targets, sample_weight)",
            fix="give sample_weight= or class_weight= to the sequence, or take metrics=",
        )


def _losses_turned(model: Any, facts: Facts, names: list[str], report: Report) -> bool:
    """Keras gives a list of losses to a dict of outputs in the order of the names."""
    declared = _declared(model, facts, names)
    turned = isinstance(facts.losses, list | tuple) and declared != names
    if turned and len({str(each) for each in facts.losses}) > 1:
        report.add(
            "error",
            "losses are a list, and outputs a dict: Keras takes them in alphabetical order",
            got=f"outputs declared as {', '.join(declared)}",
            expected=f"losses for {', '.join(names)}, in that order",
            fix="give compile the losses as a dict by name",
        )
        return True
    return False


def _declared(model: Any, facts: Facts, names: list[str]) -> list[str]:
    """The names of outputs in the order in which the model returns them."""
    if not facts.named_outputs or facts.outputs is None:
        return names
    declared = list(getattr(model, "output", names))
    return declared if sorted(declared) == names else names


def is_legacy(model: Any) -> bool:
    """Whether this is a model of tf_keras."""
    return getattr(package(model), "__name__", "") == "tf_keras"


def _check_weights(model: Any, facts: Facts, data: Look, names: list[str], report: Report) -> None:
    """Keras 3 finds targets by name for a list of outputs, but not their weights."""
    if (
        data.named("sample_weight")
        and len(names) > 1
        and not facts.named_outputs
        and not is_legacy(model)
    ):
        report.add(
            "error",
            "sample weights are by name, and the outputs a list: Keras finds no weights by name "
            "there",
            got=f"weights for {list_names(leaf.key for leaf in data.weights)}",
            expected="outputs by name, or targets and weights as tuples",
            fix="let the model return a dict: keras.Model(inputs, {"
            + ", ".join(f"{name!r}: ..." for name in names)
            + "})",
        )


def _pairs(
    model: Any,
    facts: Facts,
    data: Look,
    names: list[str],
    losses: list[Loss | None],
    report: Report,
) -> list[tuple[Leaf, int]]:
    targets, trained = data.targets, [n for n, loss in enumerate(losses) if loss is not None]
    if not data.named("targets"):
        single = len(targets) == 1 and targets[0].key is None
        if len(targets) == len(names):
            _check_turn(model, facts, single, names, report)
            return list(zip(targets, range(len(names)), strict=True))
        if len(targets) == len(trained):
            return list(zip(targets, trained, strict=True))
        report.add(
            "error",
            "targets and outputs differ in number",
            got=f"{len(targets)} target{'s' * (len(targets) > 1)}",
            expected=f"{len(names)}, for the outputs {list_names(names)}",
            fix="give targets by output: targets={"
            + ", ".join(f"{name!r}: ..." for name in names)
            + "}",
        )
        return []
    if len(names) == 1 and not facts.named_outputs and not isinstance(facts.losses, dict):
        return _to_single(model, targets, names[0], report)
    return _by_name(targets, names, trained, facts, report)


def _check_turn(model: Any, facts: Facts, single: bool, names: list[str], report: Report) -> None:
    """Keras gives a tuple of targets to a dict of outputs in the order of the names."""
    declared = _declared(model, facts, names)
    if single or declared == names:
        return
    report.add(
        "error",
        "targets are a tuple, and outputs a dict: Keras takes them in alphabetical order",
        got=f"outputs declared as {', '.join(declared)}",
        expected=f"targets for {', '.join(names)}, in that order",
        fix="give the targets as a dict by name",
    )


def _to_single(
    model: Any, targets: list[Leaf], name: str, report: Report
) -> list[tuple[Leaf, int]]:
    """A model of one output takes one array of targets."""
    if not (is_legacy(model) and [leaf.key for leaf in targets] == [name]):
        report.add(
            "error",
            "the model has one output without a name, and the targets are a dict",
            got=list_names(leaf.key for leaf in targets),
            expected="one array of targets",
            fix="give the targets as an array, without a name"
            if len(targets) == 1
            else f"build the model with an output for each: {list_names(t.key for t in targets)}",
        )
    return [(targets[0], 0)] if len(targets) == 1 else []


def _by_name(
    targets: list[Leaf], names: list[str], trained: list[int], facts: Facts, report: Report
) -> list[tuple[Leaf, int]]:
    by_name = {leaf.key: leaf for leaf in targets}
    spare = [name for name in by_name if name not in names]
    needed = [names[number] for number in trained]
    missing = [name for name in needed if name not in by_name]
    for name in missing:
        meant = meant_by(name, missing, spare)
        report.add(
            "error",
            f"the model has an output {name!r}, and the targets have none of that name",
            got=list_names(by_name),
            expected=list_names(names),
            fix=f"call it {name!r} in the targets, where it is {meant!r}; or name the output so"
            if meant
            else f"give targets for {name!r}, or compile it with the loss None",
        )
    if spare and not missing:
        report.add(
            "error",
            f"there are targets for {list_names(spare)}, and the model has no such output",
            got=list_names(by_name),
            expected=list_names(names),
            fix="leave them out, or build the model with outputs of these names",
        )
    return [(by_name[name], names.index(name)) for name in names if name in by_name]


def _weighed(leaf: Leaf, data: Look) -> Array:
    """The values of a target that count: all that are known, or those of weights above 0."""
    weights = next((each for each in data.weights if each.key in (leaf.key, None)), None)
    if weights is None:
        return data.all_targets.get(leaf.key, leaf.rows)
    kept = [
        values[weight != 0]
        for values, weight in zip(leaf.arrays, weights.arrays, strict=True)
        if values.shape[: weight.ndim] == weight.shape
    ]
    shapes = {each.shape[1:] for each in kept}
    return np.concatenate(kept) if kept and len(shapes) == 1 else leaf.rows
