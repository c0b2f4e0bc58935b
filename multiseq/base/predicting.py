"""Sequences to predict from, and what a model predicts, by key."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from ..engine.job import Layout
from ..errors import ArgumentError, SampleError, naming
from ..predicted import Goal, goals_of, of_output, of_truth, outputs_of, united
from ..predicted.outputs import varies
from ..transforms import Labels
from ..transforms.missing import masked
from .labelling import Labelling, key_of
from .mending import Mending

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predicting"]

_MOST_ROWS = 1 << 14  # Of targets at once.


class Predicting(Labelling, Mending):
    """The side of a sequence that gives a model its inputs alone."""

    def for_prediction(self) -> Self:
        """Returns a sequence for `model.predict`: all samples, inputs alone, in source order.

        It neither shuffles nor samples nor augments, and a sample that cannot be loaded raises.
        The k-th prediction is that of `keys[k]`.
        """
        other = self._in_source_order()
        other._inputs_only = True
        return other

    def _in_source_order(self) -> Self:
        """Returns a sequence of all samples in source order, plain, which raises."""
        settings = {"shuffle": False, "sampler": None, "augmented": False, "drop_last": False}
        other = self._copy(settings=settings | {"on_error": "raise"})
        other._settings = other._settings.sharing(0, 1)
        other._inputs_only = False
        return other

    def predictions(
        self, model: Any, *, targets: bool = False, inverse: bool = False, **keywords: Any
    ) -> pd.DataFrame:
        """Returns a model's predictions by key: a row for each sample, in source order.

        An output whose target has `Labels` has a column for each class, by its name, and a column
        "label": the class of the greatest score, so that logits will do. (Of two classes and a
        single unit it is a probability of the second class, which its column names, and the label
        that class above 0.5; of several labels at once, the list of those above 0.5.) Labels are
        missing where scores are NaN.

        Other columns are named after the model's outputs: the names of a dict, `model.output_names`
        for a list, "prediction" for a single output. One of several units has a column for each,
        with its number behind the name: "prediction_0"; "prediction_0_1" where there are more axes.
        Where outputs have names, those come before the class: "species_cat", "species_label".

        Outputs and targets belong together by name, or by their order where outputs are a list.

        Where `on_error` substitutes samples, those that could not be loaded have NaN.

            >>> frame = test.predictions(model, targets=True)
            >>> (frame["label"] == frame["target"]).mean()
            >>> pandas.crosstab(frame["target"], frame["label"])

        Args:
            model: Anything with Keras' `predict`.
            targets: Whether to put the truth beside: columns "target", or "target_<name>" of
                several, labels as they were before they were numbered. Where the sequence does
                not know targets by themselves (see `target_rows`), its samples are loaded twice.
            inverse: Whether to undo what transforms did to targets, in predictions and truth:
                numbers come in the units they were given in.
            **keywords: For `model.predict`, such as `verbose=0`.

        Raises:
            ArgumentError: The model did not return a row for each sample, or rows whose length
                varies by batch; an output has another number of units than its target has classes;
                there are no targets to put beside, or nothing is known of any to undo; or a step
                of theirs cannot be undone.
        """
        if not callable(getattr(model, "predict", None)):
            raise ArgumentError(
                "predictions are made by a model", got=model, expected="one with Keras' predict"
            ).at(cls=self.called)
        whole = self._in_source_order() if self._inputs_only else self  # Which knows its targets.
        with naming(self.called):
            goals = whole._goals(targets, inverse)
            frame, lost = whole._predicted(model, goals, inverse, keywords)
            return united([frame, *whole._truth(goals, lost, inverse)]) if targets else frame

    def _predicted(
        self, model: Any, goals: list[Goal], inverse: bool, keywords: dict[str, Any]
    ) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
        """Returns what a model predicts, and which samples could not be loaded for it."""
        view = self.for_prediction().replace(on_error=self._settings.on_error)
        try:
            predicted = _predicted(model, view, keywords)
        finally:
            view.close()
        outputs = outputs_of(predicted, model, goals, view.num_samples)
        frame = united([of_output(each, view.keys, inverse) for each in outputs])
        view._report_substituted(view._clock.epoch)
        indices = view.source_indices(np.arange(view.num_samples))
        lost = np.isin(indices, list(view._reported))
        if lost.any():
            frame = frame.mask(np.broadcast_to(lost[:, None], frame.shape))
        return frame, lost

    def _goals(self, targets: bool, inverse: bool) -> list[Goal]:
        """Returns what is known of the targets, where it is asked for."""
        labelled = any(isinstance(each, Labels) for _, each in self._learners())
        if not (targets or inverse or labelled or self._goals_elsewhere):
            return []
        try:
            layout = self._with_targets().make_layout()
        except SampleError:  # Such as a label that training did not have: nobody asked for it.
            goals = None if targets or inverse else self._goals_of_labels()
            if goals is None:
                raise
            return goals
        goals = goals_of(layout.structure, layout.specs, self._target_steps())
        if goals is None and targets:
            raise ArgumentError(
                "there are no targets to put beside the predictions",
                fix="leave out targets=True; or give the sequence targets",
            )
        known = self._goals_elsewhere if goals is None else goals
        if inverse and goals is None and not known:
            raise ArgumentError(
                "it is not known what was done to targets, which inverse=True would undo",
                fix="leave out inverse=True; or load_transforms(path) of what a sequence with "
                "targets saved; or give this one targets",
            )
        return list(known)

    def _goals_of_labels(self) -> list[Goal] | None:
        """Returns the targets without numbering any, where all that is done to them is that."""
        rows = self._target_rows(self.source_indices(np.arange(1)))
        named = {} if rows is None else _by_key([rows])
        steps = {key: self._target_steps().get(key, ()) for key in named}
        goals = [Goal(key, steps[key], np.shape(rows)[1:]) for key, rows in named.items()]
        if not named or any(list(goal.steps) != [goal.labels] for goal in goals):
            return None
        return goals

    def _with_targets(self) -> Self:
        """Returns a sequence of all samples in source order, with their targets."""
        settings = self._settings
        return self._in_source_order().replace(class_weight=None, on_error=settings.on_error)

    def _truth(
        self, goals: list[Goal], lost: npt.NDArray[np.bool_], inverse: bool
    ) -> list[pd.DataFrame]:
        """Returns the columns of the targets; they are missing where samples cannot be loaded."""
        known = self.source_indices(np.flatnonzero(~lost))
        if len(known) and self.made_targets(known[:1]) is not None:
            starts = range(0, len(known), _MOST_ROWS)
            chunks = [known[k : k + _MOST_ROWS] for k in starts]
            values = _by_key([self.made_targets(chunk) for chunk in chunks])
            as_given = [goal for goal in goals if inverse and self._is_given_as_loaded(goal)]
            if as_given:  # As they are: to undo what was done to them would round them.
                loaded = _by_key([self._target_rows(chunk) for chunk in chunks])
                values |= {goal.key: loaded[goal.key] for goal in as_given}
                goals = [replace(goal, steps=()) if goal in as_given else goal for goal in goals]
        else:
            with contextlib.closing(self._with_targets()) as view:
                chosen: Any = view.subset(~lost) if lost.any() else view
                values = _by_key([_told_apart(batch, self._masks_targets) for batch in chosen])
        for goal in goals if inverse else ():
            if goal.steps and goal.labels is None and goal.can_be_undone:
                given = self._as_given(goal, known.tolist(), values[goal.key])
                if given is not None:
                    values[goal.key] = given
                    goals = [replace(each, steps=()) if each is goal else each for each in goals]
        keys = self.keys[~lost]
        return [
            of_truth(goal, values[goal.key], keys, inverse).reindex(self.keys) for goal in goals
        ]

    def _as_given(self, goal: Goal, indices: list[int], made: Any) -> Any:
        """Returns a target of samples before its steps; None where the sequence can't say it."""
        if self._maps:  # By another name, it may be.
            return None
        name = "targets" if goal.key is None else f"targets[{goal.key!r}]"
        try:
            given = [np.asarray(self._raw_target(index, name)) for index in indices]
        except (KeyError, NotImplementedError):
            return None
        shapes = [np.shape(row) for row in made]
        if not given or [each.shape for each in given] != shapes:
            return None
        if len(set(shapes)) > 1:
            return given
        rows = np.stack(given)
        return np.ma.array(rows, mask=made.mask) if isinstance(made, np.ma.MaskedArray) else rows

    def _raw_target(self, index: int, name: str) -> Any:
        """Returns a target of one sample before it is transformed, by its full name."""
        own = [each for each in self._own_chains() if name in (each, f"targets[{each!r}]")]
        if own:
            with contextlib.suppress(NotImplementedError):
                return self.raw(index)[own[0]]  # Which may load less than all.
        return self._raw_leaves(index)[name]

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        """The values of a sample before they are transformed, by the names of their leaves."""
        raise NotImplementedError

    def _is_given_as_loaded(self, goal: Goal) -> bool:
        """Whether all that is done to a target, but for labels, is done after it is loaded."""
        if self._pipeline is None or goal.labels is not None:
            return False
        names = [name for name in self._pipeline.names if self._is_of_target(name)]
        return any(
            key_of(name) == goal.key and self._pipeline.steps(name) == goal.steps for name in names
        )

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
        raise varies(str(error)) from error


def _by_key(chunks: list[Any]) -> dict[Any, Any]:
    """Returns chunks of targets by the name or number of each; None is the only one."""
    nested: list[dict[Any, Any]] = [
        chunk
        if isinstance(chunk, dict)
        else dict(enumerate(chunk))
        if isinstance(chunk, tuple)
        else {None: chunk}
        for chunk in chunks
    ]
    return {key: _end_to_end([chunk[key] for chunk in nested]) for key in nested[0]}


def _told_apart(batch: Any, masks: bool) -> Any:
    """Returns the targets of a batch; those that may be missing are masked where they weigh 0."""
    targets, weights = batch[1], batch[2] if len(batch) > 2 else None
    if not masks or weights is None:
        return targets
    if isinstance(targets, dict):
        return {name: _masked(rows, weights.get(name)) for name, rows in targets.items()}
    if isinstance(targets, tuple):
        return tuple(map(_masked, targets, weights))
    return _masked(targets, weights)


def _masked(rows: Any, weights: Any) -> Any:
    if weights is None:
        return rows
    return masked(rows, np.asarray(weights) == 0)


def _end_to_end(pieces: list[Any]) -> Any:
    """Returns pieces of a target as one array; as a list of rows where these differ."""
    arrays = [np.asanyarray(piece) for piece in pieces if not isinstance(piece, list)]
    if len(arrays) == len(pieces) and len({array.shape[1:] for array in arrays}) == 1:
        masks = any(isinstance(array, np.ma.MaskedArray) for array in arrays)
        return np.ma.concatenate(arrays) if masks else np.concatenate(arrays)  # type: ignore[no-untyped-call]
    return [row for piece in pieces for row in piece]
