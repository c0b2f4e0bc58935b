"""One pass of the model over a real batch, and the loss of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._keras_model import Facts, facts_of, flat
from .._keras_run import Seen, called_on, loss_on, plain_text, runnable, unchanged
from ..errors import list_names
from .looking import Look
from .report import Report

__all__ = ["Ran", "check_loss", "run"]

_ROWS, _MORE = 32, 4


@dataclass
class Ran:
    """What came of a pass.

    Attributes:
        facts: Of the model, or of the copy that was built to see more.
        outputs: As arrays, nested as the model returns them; None where it failed.
        seen: Which ids its Embeddings were given.
        batch: What was passed.
    """

    facts: Facts
    outputs: Any = None
    seen: Seen = field(default_factory=dict)
    batch: tuple[Any, ...] = ()


def run(model: Any, data: Look, report: Report) -> Ran:
    """Passes a batch through the model, or through a copy where it is not built yet."""
    facts, batch = facts_of(model), _first_rows(data.batches[0])
    ran = Ran(facts, batch=batch)
    if report.errors:  # Which say it better than Keras would.
        return ran
    with unchanged(model):
        worker = runnable(model)
        if worker is None:
            report.not_checked.append(
                "outputs, losses and ids: the model is not built yet, and no copy of it can be "
                "made; call it on a batch first: model(inputs)"
            )
            return ran
        try:
            ran.outputs, ran.seen = called_on(worker, batch[0])
            for other in data.batches[1:_MORE]:
                _widen(ran.seen, called_on(worker, _first_rows(other)[0])[1])
        except Exception as error:
            ran.seen = ran.seen or getattr(error, "seen", {})
            _widen(ran.seen, getattr(error, "seen", {}))
            if not any(low < 0 or high >= size for size, low, high in ran.seen.values()):
                report.add(
                    "error",
                    "the model cannot be called on a batch",
                    got=plain_text(error),
                    fix=_fix_of(error, data),
                )
        if worker is not model and ran.outputs is not None:
            built = facts_of(worker)
            facts.inputs, facts.outputs = facts.inputs or built.inputs, built.outputs
            facts.named_outputs = built.named_outputs
    return ran


def _fix_of(error: Exception, data: Look) -> str:
    """What to do about an error of a model that is called."""
    named = [str(leaf.key) for leaf in data.inputs] if data.named("inputs") else []
    if isinstance(error, KeyError) and named:
        return f"call the data's inputs what the model asks for: it is given {list_names(named)}"
    if isinstance(error, TypeError | IndexError | KeyError | AttributeError):
        kind = f"a dict of {list_names(named)}" if named else "an array, or a tuple of arrays"
        return f"write the model's call() for what the data give it: {kind}"
    return "make the samples' shapes and dtypes what the layer named takes"


def _first_rows(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    def cut(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: each[:_ROWS] for name, each in part.items()}
        return tuple(each[:_ROWS] for each in part) if isinstance(part, tuple) else part[:_ROWS]

    return tuple(cut(part) for part in batch)


def _widen(seen: Seen, more: Seen) -> None:
    for name, (size, low, high) in more.items():
        _, least, most = seen.get(name, (size, low, high))
        seen[name] = size, min(low, least), max(high, most)


def check_loss(model: Any, ran: Ran, data: Look, report: Report) -> None:
    """Computes the loss of a batch, and notes where it fails or is no number."""
    facts = ran.facts
    if facts.trains_itself or facts.losses is None or ran.outputs is None or not data.targets:
        return
    names = None if facts.outputs is None else [port.name for port in facts.outputs]
    weights = ran.batch[2] if len(ran.batch) > 2 else None
    outputs = ran.outputs
    try:
        with unchanged(model):
            value = loss_on(model, facts.losses, names, (ran.batch[1], outputs, weights))
    except Exception as error:
        report.add(
            "error",
            "the loss cannot be computed from targets and outputs",
            got=plain_text(error),
            expected=f"targets for outputs of shape {_shapes(outputs)}",
            fix="make the targets what the loss takes: shapes, dtypes and names as those of the "
            "model's outputs",
        )
        return
    if not math.isfinite(value):
        finite = all(np.isfinite(each).all() for each in flat(outputs) if each.dtype.kind == "f")
        report.add(
            "error",
            f"the loss of the first batch is {value}",
            got="outputs that are finite" if finite else "outputs that are not finite either",
            expected="a number",
            fix="look for zeros that are divided by, logarithms of what is not positive, and "
            "values far too large in the inputs",
        )


def _shapes(outputs: Any) -> str:
    return ", ".join(str(each.shape) for each in flat(outputs))
