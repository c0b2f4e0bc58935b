"""What a sequence shows as its `transforms`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Learned", "steps_of"]


class Learned(dict[Any, Any]):
    """What learns, by name; it knows the functions beside that as well.

    Given to another sequence as `transforms=`, it stands for all steps.

    Args:
        learned: What learns, by name.
        steps: All that is done, by name.
    """

    def __init__(self, learned: Mapping[Any, Any], steps: Mapping[Any, Any]) -> None:
        super().__init__(learned)
        self.steps = dict(steps)

    def and_also(self, other: Mapping[Any, Any]) -> Learned:
        """Returns this with what another mapping holds."""
        return Learned({**self, **other}, {**self.steps, **steps_of(other)})


def steps_of(given: Any) -> Any:
    """Returns `transforms=` with all steps, where it is what another sequence shows."""
    return given.steps if isinstance(given, Learned) else given
