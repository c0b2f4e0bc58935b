"""What was found: each finding with its fix, and all of them as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Finding", "Report"]

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or looks it.

    Attributes:
        level: "error" for what fails, or trains on what is not meant; "warning" for what is hardly
            ever meant.
        what: What it is, in a sentence.
        got: What was found.
        expected: What should have been there.
        fix: What to do.
        where: The input, target or layer; None where it is about the whole.
    """

    level: Level
    what: str
    got: str | None = None
    expected: str | None = None
    fix: str | None = None
    where: str | None = None

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [f"{self.level:<8} {head}"]
        for label in ("got", "expected", "fix"):
            if text := getattr(self, label):
                lines.append(f"{'':<8}   {label}: {text}")
        return "\n".join(lines)


@dataclass
class Report:
    """What `check` found; true where there is no finding.

    Attributes:
        subject: What was checked.
        looked_at: At how much of the data, in words.
        findings: Errors first.
        not_checked: What could not be checked, and why.
    """

    subject: str
    looked_at: str = ""
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)

    def add(self, level: Level, what: str, where: Any = None, **details: str | None) -> None:
        """Notes a finding; the same one about the same place only once."""
        place = None if where is None else str(where)
        found = Finding(level, what, where=place, **details)
        if found not in self.findings:
            self.findings.append(found)
            self.findings.sort(key=lambda each: each.level)

    def note_looked(self, samples: int, total: int) -> None:
        """Notes at how many samples was looked; those of a second sequence come behind."""
        text = f"{samples:,} of {total:,} samples"
        known = self.looked_at
        self.looked_at = f"{known}, and {text} of test" if known else f"looked at {text}"

    @property
    def ok(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    @property
    def errors(self) -> list[Finding]:
        """Those findings that are errors."""
        return [each for each in self.findings if each.level == "error"]

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data, which JSON can hold."""
        return asdict(self) | {"ok": self.ok}

    @property
    def summary(self) -> str:
        """The first line: how many findings, and at what was looked."""
        errors = len(self.errors)
        counts = [(errors, "error"), (len(self.findings) - errors, "warning")]
        said = " and ".join(f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n)
        return f"multiseq check of {self.subject}: {said or 'nothing found'} ({self.looked_at})"

    def __str__(self) -> str:
        notes = [f"not checked: {note}" for note in self.not_checked]
        return "\n".join([self.summary, *map(str, self.findings), *notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        columns = ("level", "where", "what", "got", "expected", "fix")
        head = "".join(f"<th>{name}</th>" for name in columns)
        cells = [
            "".join(f"<td>{html.escape(getattr(each, c) or '')}</td>" for c in columns)
            for each in self.findings
        ]
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        table = f"<table><tr>{head}</tr>{rows}</table>" if rows else ""
        notes = "".join(f"<p>not checked: {html.escape(note)}</p>" for note in self.not_checked)
        return f"<p>{html.escape(self.summary)}</p>{table}{notes}"
