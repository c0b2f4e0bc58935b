"""The table of a summary, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Leaf", "Summary"]

_HEAD = ("", "name", "shape", "dtype", "part")
_WIDTH = 100


@dataclass(frozen=True)
class Leaf:
    """One input or target.

    Args:
        role: "input", "target" or "weight".
        name: Of it; "" where it has none.
        shape: Of a batch, with None for the samples.
        dtype: Of a batch.
        part: Where it comes from; "" where that is the sequence itself.
    """

    role: str
    name: str
    shape: str
    dtype: str
    part: str


@dataclass
class Summary:
    """What a sequence is.

    Args:
        title: Its class and name.
        leaves: Its inputs and targets.
        facts: What else there is to know: what it is about, and what there is to say.
        trouble: Why leaves are not known; or "".
    """

    title: str
    leaves: Sequence[Leaf] = ()
    facts: list[tuple[str, str]] = field(default_factory=list)
    trouble: str = ""

    def __str__(self) -> str:
        """The table, in lines of at most 100 letters where its cells are no longer."""
        rows = [_HEAD, *self._cells()]
        used = [k for k in range(len(_HEAD)) if any(row[k] for row in rows[1:])]
        widths = {k: max(len(row[k]) for row in rows) for k in used}
        table = ["  ".join(row[k].ljust(widths[k]) for k in used).rstrip() for row in rows]
        label = max((len(name) for name, _ in self.facts), default=0)
        facts = [f"{name.ljust(label)}  {text}" for name, text in self.facts]
        longest = max(map(len, [*table, *facts, self.title, self.trouble]))
        rule = "-" * min(_WIDTH, longest)
        middle = table if self.leaves else []
        middle += [f"! {self.trouble}"] if self.trouble else []
        return "\n".join([self.title, rule, *middle, rule, *facts, rule])

    def to_html(self) -> str:
        """The same for notebooks; what users called things is escaped."""
        head = "".join(f"<th>{each}</th>" for each in _HEAD)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._cells()
        )
        leaves = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        trouble = f"<p><b>{html.escape(self.trouble)}</b></p>" if self.trouble else ""
        facts = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.facts
        )
        title = html.escape(self.title)
        return (
            f"<div><b>{title}</b>{leaves if self.leaves else ''}{trouble}"
            f"<table><tbody>{facts}</tbody></table></div>"
        )

    def _cells(self) -> list[tuple[str, ...]]:
        return [(each.role, each.name, each.shape, each.dtype, each.part) for each in self.leaves]
