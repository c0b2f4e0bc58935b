"""Metrics against the form of the targets, and against outputs that are logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._keras_model import Facts, known_as
from .._keras_run import config_of
from .activations import BINARY, SPARSE, units
from .outputs import Scored, is_legacy
from .report import Report

__all__ = ["check_metrics"]

_PLACES = {"categorical_accuracy", "top_k_categorical_accuracy"}
_ROWS = _PLACES | {"categorical_crossentropy"}
_NUMBERS = {f"sparse_{name}" for name in _ROWS}
_COUNTS = {
    *("precision", "recall"),
    *("true_positives", "true_negatives", "false_positives", "false_negatives"),
}
_EACH = {
    *("binary_accuracy", "binary_crossentropy", "auc", *_COUNTS),
    *("mean_squared_error", "mean_absolute_error", "root_mean_squared_error"),
}


def check_metrics(model: Any, facts: Facts, found: list[Scored], report: Report) -> None:
    """Notes metrics that tell nothing of the targets and outputs that they are given.

    Of those that are not Keras' own nothing is known, and nothing is said.
    """
    config = config_of(model)
    names = [each.name for each in facts.outputs or found]
    for scored in found:
        for what in ("metrics", "weighted_metrics"):
            for given in _of_output(config.get(what), scored.name, names, is_legacy(model)):
                name, settings = _read(given)
                misfits = _check_form(scored, name, settings, what, report)
                if scored.loss.from_logits and not misfits:
                    _check_logits(scored, name, settings, report)


def _of_output(given: Any, name: str, names: list[str], is_legacy: bool) -> list[Any]:
    """The metrics of one output; tf_keras takes a flat list for all of them."""
    if isinstance(given, Mapping) and "class_name" not in given:
        given = given.get(name)
    elif isinstance(given, list | tuple) and len(names) > 1:
        flat = not any(isinstance(each, list | tuple) for each in given)
        if not (is_legacy and flat):
            given = given[names.index(name)] if len(given) == len(names) else None
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _read(given: Any) -> tuple[str, Mapping[str, Any]]:
    """The name of a metric, and what it was made with; "" for one that is not Keras' own."""
    if isinstance(given, str):
        return known_as(given), {}
    if not isinstance(given, Mapping):
        return "", {}
    kind, config = str(given.get("class_name")), given.get("config")
    if kind == "function":
        return known_as(str(config)), {}
    own = str(given.get("module")).startswith(("keras.", "tf_keras."))
    return (known_as(kind), config or {}) if own else ("", {})


def _check_form(
    scored: Scored, name: str, config: Mapping[str, Any], what: str, report: Report
) -> bool:
    """Notes a metric for targets of another form; these are as the loss takes them."""
    loss, k, where = scored.loss.name, units(scored), f"output {scored.name!r}"
    if loss in BINARY and k == 1 and name.removeprefix("sparse_") in _PLACES:
        report.add(
            "error",
            f"the metric {name} looks for the largest of several units, and there is one",
            where,
            got="an output of 1 unit",
            expected="a metric of two classes",
            fix=f"compile({what}=['binary_accuracy'])",
        )
        return True
    if loss in SPARSE and name in _ROWS | _EACH:
        report.add(
            "error",
            f"targets are numbers of classes, and the metric {name} takes rows: Keras raises, or "
            "compares what does not belong together",
            where,
            got=f"{what} with {name}, beside {loss}",
            expected="a metric of numbers of classes",
            fix=_in_place(f"sparse_{name}", config, what)
            if name in _ROWS
            else f"compile({what}=['accuracy']); or give one-hot targets, and "
            "loss='categorical_crossentropy'",
        )
        return True
    if loss not in SPARSE and k is not None and k > 1 and name in _NUMBERS:
        of_rows = "binary_accuracy" if loss in BINARY else name.removeprefix("sparse_")
        report.add(
            "error",
            f"targets are rows, and the metric {name} takes the number of the class",
            where,
            got=f"{what} with {name}, beside {loss}",
            expected="a metric of rows",
            fix=_in_place(of_rows, config, what),
        )
        return True
    return False


def _in_place(name: str, config: Mapping[str, Any], what: str) -> str:
    """A metric to take, of as many places as the one that was given."""
    if "top_k" in name and "k" in config:
        return f"keras.metrics.{_kind(name)}(k={config['k']})"
    return f"compile({what}=['{name}'])"


def _kind(name: str) -> str:
    return "AUC" if name == "auc" else name.title().replace("_", "")


def _check_logits(scored: Scored, name: str, config: Mapping[str, Any], report: Report) -> None:
    """Metrics that cut at a probability of 0.5 are given logits, which are cut at 0."""
    binary = scored.loss.name in BINARY
    if name in ("accuracy", "acc") and binary and units(scored) == 1:
        name = "binary_accuracy"  # As Keras has it.
    keyword = None
    if name == "binary_accuracy" and binary:
        keyword = "threshold=0" if config.get("threshold", 0.5) == 0.5 else None
    elif name in _COUNTS and binary:
        keyword = "thresholds=0" if config.get("thresholds") in (None, 0.5, [0.5]) else None
    elif (name == "auc" and binary) or name.endswith("crossentropy"):
        keyword = None if config.get("from_logits") else "from_logits=True"
    if keyword is None:
        return
    report.add(
        "warning",
        f"the metric {name} takes probabilities, and gets logits",
        f"output {scored.name!r}",
        got=f"{scored.loss.name}(from_logits=True), and an output that is no probability",
        expected="a metric that knows of it",
        fix=f"keras.metrics.{_kind(name)}({keyword})",
    )
