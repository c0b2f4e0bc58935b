"""What a model predicts, as a table: columns by class, labels, and the truth beside them.

Reading order: `goals` (what is known of each target), `outputs` (which output is of which target),
`columns` (the table's).
"""

from __future__ import annotations

from .columns import of_output, of_truth, united
from .goals import Goal, goals_of
from .outputs import Output, outputs_of

__all__ = ["Goal", "Output", "goals_of", "of_output", "of_truth", "outputs_of", "united"]
