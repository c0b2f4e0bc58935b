"""The report of `seq.profile()`: as text, HTML, data and a picture."""

from __future__ import annotations

import html
import importlib.util
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import MissingPackageError
from .advice import Advice
from .fixes import name_of
from .lines import Line

__all__ = ["ProfileReport"]


_LONG = 0.1  # Seconds.


@dataclass(frozen=True)
class ProfileReport:
    """Where the time of a batch goes, and what to change.

    Attributes:
        called: The sequence.
        batch_size: Samples in a batch.
        lines: The stages of loading by part, the longest first.
        samples_per_second: As it is set now; with a model, of its training.
        limit: Samples/s of the model fed one batch that is there already; None without a model.
        serial: Samples/s that one thread loads.
        wait: Share of the time for which training waits for data; None without a model.
        advice: What limits it, and what to do.
        tried: Samples/s after the change, where it was tried; else None.
        gain: How many times as fast the change made it, measured; None where it was not tried.
        first_batch: Seconds that the first batch took, with all that is done once: opening files,
            importing packages.
    """

    called: str
    batch_size: int
    lines: list[Line]
    samples_per_second: float
    limit: float | None
    serial: float
    wait: float | None
    advice: Advice
    tried: float | None = None
    gain: float | None = None
    first_batch: float = 0.0

    @property
    def bottleneck(self) -> str:
        """What limits it, and what to do about it, in one sentence."""
        advice = self.advice
        if advice.fix is None:
            return advice.because
        bound = "at most " if advice.at_most else ""
        return f"{advice.because}; {advice.fix}: {bound}{advice.gain:.2g} x as fast (predicted)"

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain data: "lines" is a list of dicts, times are in seconds."""
        return asdict(self) | {"bottleneck": self.bottleneck}

    def _facts(self) -> list[str]:
        facts = [f"{self.samples_per_second:,.0f} samples/s as it is set"]
        if self.limit is not None:
            facts.append(f"{self.limit:,.0f} the model could take")
        facts.append(f"{self.serial:,.0f} loaded by one thread")
        if self.wait is not None:
            facts.append(f"training waits {self.wait:.0%} of the time")
        if self.first_batch > max(_LONG, 10 * self.batch_size / self.serial):
            facts.append(f"the first batch took {self.first_batch:.2g} s, once")
        return facts

    def _tried(self) -> str | None:
        if self.gain is None:
            return None
        return (
            f"tried: {self.gain:.2g} x as fast, {self.tried:,.0f} samples/s; predicted were "
            f"{self.advice.gain:.2g} x"
        )

    def _table(self) -> list[list[str]]:
        head = ["part", "stage", "share", "ms/batch", "cpu", "per", "mean ms", "p90", "p99"]
        return [head] + [
            [
                *(line.part, line.stage, f"{line.share:.1%}", _ms(line.seconds)),
                *(f"{line.cpu:.0%}", line.per, _ms(line.mean), _ms(line.p90), _ms(line.p99)),
            ]
            for line in self.lines
        ]

    def __str__(self) -> str:
        table = self._table()
        if not any(line.part for line in self.lines):
            table = [row[1:] for row in table]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        rows = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
        title = f"multiseq profile of {self.called}, batches of {self.batch_size}"
        last = [self.bottleneck, *filter(None, [self._tried()])]
        return "\n".join([title, "; ".join(self._facts()), "", *rows, "", *last])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def row(cells: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

        head, *rows = self._table()
        body = row(head, "th") + "".join(row(cells, "td") for cells in rows)
        last = [f"<p>{html.escape(each)}</p>" for each in [self.bottleneck, self._tried()] if each]
        return (
            f"<p><b>multiseq profile of {html.escape(self.called)}</b>, batches of "
            f"{self.batch_size}<br>{html.escape('; '.join(self._facts()))}</p>"
            f"<table>{body}</table>{''.join(last)}"
        )

    def plot(self) -> Any:
        """Returns a Matplotlib figure: a bar for each part and stage, as long as its time.

        Raises:
            MissingPackageError: Matplotlib is not installed.
        """
        if importlib.util.find_spec("matplotlib") is None:
            raise MissingPackageError(
                "a picture needs Matplotlib, which is not installed",
                fix='pip install "multiseq[plots]"',
            )
        from matplotlib.figure import Figure

        lines = self.lines[::-1]
        figure = Figure(figsize=(8, 1.6 + 0.35 * len(lines)), layout="constrained")
        axes = figure.subplots()
        names = [name_of(line) for line in lines]
        cpu = [1e3 * line.seconds * line.cpu for line in lines]
        idle = [1e3 * line.seconds * (1 - line.cpu) for line in lines]
        axes.barh(names, cpu, color="#3b6ea8", label="computing")
        axes.barh(names, idle, left=cpu, color="#c9d6e6", label="waiting")
        axes.set_xlabel(f"ms for a batch of {self.batch_size}, in one thread")
        axes.set_title(f"multiseq profile of {self.called}", loc="left")
        axes.legend(frameon=False, loc="lower right")
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"
