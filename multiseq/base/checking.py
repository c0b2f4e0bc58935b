"""Whether a sequence and a model go together, asked before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, CheckError, naming
from .mending import Mending
from .views import Views, alive

if TYPE_CHECKING:
    import pandas as pd

    from ..checking.report import Report

__all__ = ["Checking"]


class Checking(Views, Mending):
    """The side of a sequence that is held against a model.

    What it asks is imported when it is asked: worker processes import this class.
    """

    def check(
        self, model: Any, *, test: Any = None, overfit: int | None = None, strict: bool = False
    ) -> Report:
        """Holds this sequence against a model, and returns what is wrong or looks it.

        It compares names, order, shapes and dtypes of inputs; ids with the sizes of Embeddings;
        targets with outputs, losses and last activations; and looks for NaN, inputs that never
        change, that are not scaled, or scaled twice. Then it passes a batch through the model and
        computes the loss. Neither the sequence nor the model changes: epoch, weights, optimizer,
        metrics and random numbers stay as they are.

        It looks at batches spread over the epoch, and at all targets and ids where these load
        quickly; the report says at how many samples.

        Args:
            model: A compiled Keras model.
            test: Another sequence, of samples that are not trained on: whether samples are in
                both, by what their inputs hold, and whether values look alike. All samples of both
                are loaded for it.
            overfit: Number of samples, such as 32, that a copy of the model is to learn by heart;
                one that cannot will learn nothing of more.
            strict: Whether to raise where something is found.

        Returns:
            A report: print it, or go through its `findings`. It is true where there are none.

        Raises:
            CheckError: Something was found, and `strict` is set.
            ArgumentError: The model is no Keras model, or `test` no sequence.
        """
        from ..checking.check import checked

        with naming(self.called):
            if test is not None and not isinstance(test, Checking):
                raise ArgumentError(
                    "test is no sequence",
                    got=test,
                    expected="a sequence of samples that are not trained on",
                    fix="make one of the same kind as this one, or take a part of its split()",
                )
            report = checked(self, model, test, overfit, self._trained_on())
        if strict and not report.ok:
            error = CheckError(str(report))
            error.report = report
            raise error
        return report

    def _trained_on(self) -> Any:
        """The first part of the split that this is another part of; None if it is not alive."""
        if not self._held_out:
            return None
        others = (each for each in alive() if each._family is self._family and each._made)
        parts = [each for each in others if not each._held_out and each._selection is not None]
        return max(parts, key=lambda each: each.num_samples, default=None)

    def validate(self, workers: int | None = None, progress: bool = True) -> pd.DataFrame:
        """Loads every sample once, and returns those that cannot be loaded or batched.

        It never stops at the first. Epoch, order and workers of this sequence stay as they are.

        Args:
            workers: How many load in parallel; None for the sequence's own, or for threads where
                it has none.
            progress: Whether to show a progress bar.

        Returns:
            A row for each such sample, by key, in source order; empty if all is well. Columns:
            "position"; "input", if it is known; "error", the class of what was raised; "what"
            and "got", its text.

        Raises:
            NotAdaptedError: A transform has learned nothing yet: no sample can be loaded.
        """
        from ..checking.loadable import table_of, unloadable

        with naming(self.called):
            view = self.replace(shuffle=False, sampler=None, drop_last=False, on_error="raise")
            view._settings = view._settings.sharing(0, 1)
            return table_of(self.keys, unloadable(view, workers, progress))

    @property
    def substituted(self) -> pd.DataFrame:
        """The samples that others stood in for, where `on_error` substitutes them, by key.

        Those of the pass that is under way; else of the last one that had any. The columns are
        those of `validate()`.
        """
        from ..checking.loadable import table_of

        found = self._substituted or self._reported
        return table_of(self.keys, {self._position_of(k): error for k, error in found.items()})
