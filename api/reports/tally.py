"""Counting rows: what a run came to, and the exit code that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from api.exits import Exit
from detector.decision import Severity
from detector.finding import Row
from detector.naming import is_flagged, severity_of


def _said(row: Row) -> Iterator[str]:
    """What to count of a file's own words: the class it declares, the state of its manifest, its notices."""
    credentials = row.get("credentials")
    if not credentials:
        return
    if credentials["synthetic"] != "unknown":
        yield f"declared {credentials['synthetic'].replace('ai_', 'AI ')}"
    if credentials["c2pa"] and credentials["c2pa"]["trusted"]:
        yield "trusted C2PA manifest"
    yield from (str(notice["code"]).replace("_", " ") for notice in credentials["notices"])


@dataclass(slots=True)
class Tally:
    """Counts over the rows of a run; add each row once. `absent`: signals that were off, and why. `credentials`: what
    files say of themselves, and what is odd about it."""

    inputs: int = 0
    failed: int = 0
    flagged: int = 0
    faces: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    absent: dict[str, str] = field(default_factory=dict)
    credentials: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        self.inputs += 1
        self.absent.update(row["signals"]["absent"])
        self.faces += len(row["faces"])
        self.flagged += is_flagged(row)
        if row["error"]:
            self.failed += 1
            self.errors[row["error"]["code"]] += 1
            return
        self.verdicts[row["verdict"]] += 1
        self.severities[severity_of(row)] += 1
        self.credentials.update(_said(row))

    def counting(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted as they pass."""
        for row in rows:
            self.add(row)
            yield row

    def exit_code(self, fail_on: Severity | None = Severity.LOW) -> Exit:
        """3 when a picture is flagged at `fail_on` or graver, even if others failed: the graver news wins. 1
        when there are only failures, 4 when there was no input at all. `fail_on` None: flags don't matter."""
        if fail_on and any(Severity(name).rank >= fail_on.rank for name in +self.severities):
            return Exit.FLAGGED
        if not self.inputs:
            return Exit.NOTHING
        return Exit.FAILED if self.failed else Exit.CLEAN
