"""Whether a copy of the model can learn a few samples by heart."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._keras_model import Loss, facts_of
from .._keras_run import losses_of_copy, plain_text, unchanged
from ..checks import check_count
from .looking import Look
from .report import Report

__all__ = ["check_learning"]

_STEPS = 200
_CLEARLY = 0.7  # What may be left of a loss where something was learned.


def check_learning(seq: Any, model: Any, count: int, data: Look, report: Report) -> None:
    """Trains a copy of the model on a few samples, and notes where its loss does not fall.

    Args:
        seq: Whose samples.
        model: Which stays as it is.
        count: Number of samples.
        data: What was looked at.
        report: What is found.
    """
    count = check_count("overfit", count, 1)
    if report.errors or not data.targets:
        report.not_checked.append("overfit: there are errors, or no targets, to begin with")
        return
    batch = _batch(seq, count)
    with unchanged(model):
        try:
            losses = losses_of_copy(model, batch, _STEPS)
        except Exception as error:
            report.not_checked.append(f"overfit: no copy could be trained: {plain_text(error)}")
            return
    if losses is None:
        report.not_checked.append("overfit: no copy can be made of this model")
        return
    first, last, best = losses[0], losses[-1], min(losses)
    if not np.isfinite(losses).all():
        report.add(
            "error",
            f"training on {count} samples makes the loss {last}",
            got=f"a loss of {first:.4g} at the beginning",
            expected="a number",
            fix="take a smaller learning rate, or scale inputs and targets",
        )
        return
    guessing = _guessing(facts_of(model).losses, batch)
    wanted = _CLEARLY * first if guessing is None else _CLEARLY * min(first, guessing)
    if best > wanted and (guessing is None or best > _CLEARLY * guessing):
        report.add(
            "warning",
            f"the model cannot learn {count} samples by heart",
            got=f"a loss of {first:.4g} at the beginning, and {best:.4g} after {len(losses)} steps"
            + ("" if guessing is None else f"; always the same answer has {guessing:.4g}"),
            expected=f"less than {wanted:.4g}",
            fix="another learning rate, or a larger model; do targets depend on inputs, and are "
            "layers frozen that should learn?",
        )


def _guessing(losses: Any, batch: tuple[Any, ...]) -> float | None:
    """The loss of the best answer that is the same for all samples; None where it is not known."""
    loss = Loss.of(losses) if not isinstance(losses, list | tuple | dict) else None
    if loss is None or isinstance(batch[1], dict | tuple):
        return None
    y = np.asarray(batch[1]).astype(np.float64)
    if loss.name == "mean_squared_error":
        return float(y.var(0).mean())
    if loss.name == "mean_absolute_error":
        return float(np.abs(y - np.median(y, 0)).mean())
    if loss.name == "binary_crossentropy":
        return float(_entropy(y.mean(0)) + _entropy(1 - y.mean(0)))
    if loss.name == "categorical_crossentropy":
        return float(_entropy(y.mean(0)) * y.shape[-1])
    if loss.name == "sparse_categorical_crossentropy":
        shares = np.unique(y, return_counts=True)[1] / y.size
        return float(_entropy(shares) * len(shares))
    return None


def _entropy(shares: Any) -> Any:
    shares = np.clip(shares, 1e-12, 1)
    return -(shares * np.log(shares)).mean()


def _batch(seq: Any, count: int) -> tuple[Any, ...]:
    """The first samples of a pass over all of them, without augmentation, as one batch."""
    chosen = np.unique(np.linspace(0, seq.num_samples - 1, count).round().astype(np.int64))
    plain = seq._in_source_order().replace(workers=0, use_multiprocessing=False, cluster=None)
    view = plain.subset(positions=chosen)  # Of a sampler or a shard these might be others.
    with view.replace(batch_size=len(chosen), on_error=seq._settings.on_error) as few:
        batch: tuple[Any, ...] = few[0]
        return batch
