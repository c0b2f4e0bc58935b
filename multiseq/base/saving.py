"""What a sequence has learned, in one file."""

from __future__ import annotations

import os
from typing import Any

from ..errors import naming
from ..predicted import Goal
from ..transforms.saving import (
    Saved,
    learners_by_name,
    not_those,
    read_all,
    save_all,
    take_over,
    uses_by_name,
)
from ..transforms.steps import Step
from .predicting import Predicting
from .views import alive

__all__ = ["Saving"]


class Saving(Predicting):
    """The side of a sequence that keeps what was learned, for serving."""

    def save_transforms(self, path: str | os.PathLike[str]) -> None:
        """Writes all that `transforms` shows, of parts and targets too, into one JSON file.

        Args:
            path: The file; one that exists is replaced, as a whole or not at all.

        Raises:
            ArgumentError: There are no transforms, or one cannot be written as JSON, such as an
                estimator of scikit-learn's.
            NotAdaptedError: One has learned nothing yet.
            SourceError: The file cannot be written.
        """
        with naming(self.called):
            uses = uses_by_name(self.transforms, self._uses())
            save_all(self.transforms, path, self._written_goals, uses)

    def load_transforms(self, path: str | os.PathLike[str]) -> None:
        """Takes over what `save_transforms` wrote, to the last bit, in place of `adapt()`.

        The parts of a split share it; nobody else is fed something new, as after `adapt()`.

        A sequence without targets, such as one of samples that nobody has labeled, keeps what was
        saved of targets for its `predictions`, which name the classes and undo the transforms.

            >>> asked = TableSequence(unlabeled, numeric=["height"])
            >>> asked.load_transforms("prep.json")
            >>> asked.predictions(model)["label"].to_csv("submission.csv")

        Args:
            path: The file. Nothing in it is executed.

        Raises:
            ArgumentError: Names, classes or arguments of the transforms, the columns of an input
                or target, or what fills missing values are not those of this sequence. It is then
                as it was.
            SourceError: The file is missing, broken, or holds something else.
        """
        with naming(self.called):
            uses = uses_by_name(self.transforms, self._uses())
            saved = read_all(self.transforms, path, uses)
            goals = [Goal.read(each, saved.learned) for each in saved.targets]
            self.close()
            self._make_own()
            before = [(each, dict(vars(each))) for each in self._distinct()]
            take_over(self.transforms, saved.learned)
            try:
                known = self._goals_beyond(saved, goals)
            except Exception:
                for each, state in before:
                    vars(each).clear()
                    vars(each).update(state)
                raise
            finally:
                self._close_sharing()
            for other in alive():
                if other._family is self._family:
                    other._known_goals = known

    def _columns_of(self, name: Any) -> tuple[str, ...]:
        """The columns that make what has steps under a name, where their order matters.

        Written where they have names.
        """
        return ()

    def _uses(self) -> list[tuple[tuple[Step, ...], tuple[str, ...]]]:
        """The steps of inputs and targets, of parts too, each with the columns they are given."""
        given = self._pipeline
        named = [(name, chain.steps) for name, chain in self._own_chains().items()]
        named += [] if given is None else [(n, given.steps(n) or ()) for n in given.names]
        found = [(steps, self._columns_of(name)) for name, steps in named]
        every = (*getattr(self, "parts", ()), self._looked_up)
        parts = [each for each in every if isinstance(each, Saving)]
        return found + [each for part in parts for each in part._uses()]

    def _written_goals(self) -> list[Any]:
        """Returns what is done to each target, as JSON has it."""
        if not any(self._target_steps().values()):
            return []
        learned = learners_by_name(self.transforms)
        return [goal.written(learned) for goal in self._goals(targets=False, inverse=True)]

    def _goals_beyond(self, saved: Saved, goals: list[Goal]) -> list[Goal]:
        """Returns what was saved of targets, for a sequence without any; else there is none.

        Raises:
            ArgumentError: There are targets, which lack transforms that were saved.
        """
        if not saved.beyond:
            return []
        if self._with_targets().make_layout().structure.keys("targets") is not None:
            raise not_those(self.transforms, saved.learned)
        return goals
