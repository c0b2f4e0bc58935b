"""All checks of a sequence against a model, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._keras_model import Facts, facts_of, package
from ..errors import ArgumentError, MultiseqError, said
from .forward import Ran, check_loss, run
from .ids import check_ids
from .learning import check_learning
from .looking import Look, look
from .metrics import check_metrics
from .names import match_inputs
from .outputs import match_targets
from .overlap import check_overlap
from .report import Report
from .scale import check_learned, check_part, check_scale
from .scoring import check_targets
from .serving import check_serving
from .shapes import check_order, check_shapes, names_of_tuple
from .values import check_inputs, check_leaks, check_weights

__all__ = ["checked"]


def checked(
    seq: Any, model: Any, test: Any = None, overfit: int | None = None, train: Any = None
) -> Report:
    """Returns what is found when a sequence is held against a model.

    Args:
        seq: The sequence.
        model: A Keras model.
        test: Another sequence, of data that are not trained on.
        overfit: Number of samples that a copy of the model is to learn by heart.
        train: The part that is trained on, where the sequence is held out.
    """
    if package(model) is None:
        raise ArgumentError(
            "check needs a Keras model", got=model, expected="what keras.Model(...) makes"
        )
    report = Report(f"{seq.called} against {model.name!r}")
    facts = facts_of(model)
    if not facts.compiled:
        report.add(
            "warning",
            "the model is not compiled: targets and loss cannot be checked",
            fix="call model.compile(...) first",
        )
    data = look(seq, report)
    if data is None:
        report.looked_at = "looked at no sample"
        return report
    _hold(seq, model, facts, data, test, report)
    if train is not None and (other := look(train, Report(""))) is not None:
        check_part(other, data, report, "training")
    if overfit is not None:
        check_learning(seq, model, overfit, data, report)
    return report


def _hold(seq: Any, model: Any, facts: Facts, data: Look, test: Any, report: Report) -> None:
    """Takes one check after the other; where one fails by itself, the others go on."""
    pairs = match_inputs(data, facts, report)
    check_order(pairs, facts, names_of_tuple(seq), report)
    check_shapes(pairs, report)
    ran = run(model, data, report)
    steps: dict[str, Callable[[], None]] = {
        "ids": lambda: check_ids(seq, model, pairs, ran, report),
        "values of inputs": lambda: check_inputs(data, ran, report),
        "scale of inputs": lambda: check_scale(model, data, pairs, report),
        "learned scale": lambda: check_learned(seq, data, report),
        "targets and losses": lambda: _check_training(model, ran, data, report),
        "weights": lambda: check_weights(data, report),
        "targets among inputs": lambda: check_leaks(data, report),
        "order and shares": lambda: check_serving(seq, model, data, report),
    }
    if test is not None:
        steps["values of test"] = lambda: _check_test(data, test, report)
        steps["samples in both"] = lambda: check_overlap(seq, test, report)
    for what, step in steps.items():
        try:
            step()
        except MultiseqError:
            raise
        except Exception as error:  # Layers and losses of the user's own may be anything.
            report.not_checked.append(f"{what}: {said(error)}")


def _check_test(data: Look, test: Any, report: Report) -> None:
    other = look(test, report)
    if other is not None:
        check_part(data, other, report)


def _check_training(model: Any, ran: Ran, data: Look, report: Report) -> None:
    """Targets and loss, of a model that is compiled."""
    if not ran.facts.compiled:
        return
    _check_any_loss(model, ran.facts, data, report)
    if not data.targets:
        return
    found = match_targets(model, ran, data, report)
    for scored in found:
        check_targets(scored, report)
    if not report.errors:  # Targets are then of the form that the loss takes.
        check_metrics(model, ran.facts, found, report)
        check_loss(model, ran, data, report)


def _check_any_loss(model: Any, facts: Facts, data: Look, report: Report) -> None:
    if facts.trains_itself:
        return
    if facts.losses is None:
        if not getattr(model, "losses", None) and facts.inputs is not None:
            report.add(
                "error",
                "the model was compiled without a loss",
                fix="give compile a loss, such as loss='mse'",
            )
    elif not data.targets:
        report.add(
            "error",
            "there are no targets, and the model has a loss that compares outputs with them",
            got="inputs alone",
            expected="(inputs, targets)",
            fix="give targets=, or return (inputs, targets) from load_sample",
        )
