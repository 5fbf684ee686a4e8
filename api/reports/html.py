"""The HTML report: one file that needs nothing else, made from a findings file.

    findings.jsonl ─ survey (counts, the gravest rows) ─▶ cards, one at a time ─▶ template, streamed

Two passes over the file and one card in memory: a run of any length makes a report, of the gravest `limit`
flagged pictures, which says what it leaves out. No script, no request to anywhere: the page's own policy
forbids both.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.reports.cards import Card, Gallery, Scale, card_of
from api.reports.jsonl import read_row_at, read_rows, read_rows_with_offsets
from api.reports.rows import assigned, reasons, talent_refs, told_by_file
from api.reports.tally import Tally
from detector.decision import Verdict
from detector.finding import Row
from detector.naming import is_flagged, severity_of

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
DEFAULT_LIMIT = 200
LISTED = 1000
"""Lines of the table of all inputs, and of the table of failures."""


@dataclass(frozen=True, slots=True)
class ReportAbout:
    """What the report says of the run as a whole. `parameters` are name and value, in the order to print
    them."""

    title: str
    version: str
    made_at: str
    parameters: Mapping[str, str]
    findings_name: str


@dataclass(slots=True)
class Survey:
    """The first pass: counts, the offsets of the gravest rows, the range of strengths, what computed them."""

    limit: int
    tally: Tally = field(default_factory=Tally)
    gravest: list[tuple[int, int, int]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0

    def add(self, number: int, offset: int, row: Row) -> None:
        self.tally.add(row)
        self._widen(row)
        self.absent.update(row["signals"]["absent"])
        if is_flagged(row):
            entry = (severity_of(row).rank, -number, offset)
            keep = heapq.heappush if len(self.gravest) < self.limit else heapq.heappushpop
            keep(self.gravest, entry)

    def _widen(self, row: Row) -> None:
        self.thresholds.update(row["threshold_applied"])
        strengths = [each["strength"] for face in row["faces"] for each in [assigned(face)] if each]
        threshold = row["threshold_applied"].get(row["signals"]["face"])
        values = strengths if threshold is None else [*strengths, threshold]
        self.low = min([self.low, *values])
        self.high = max([self.high, *values])

    @property
    def scale(self) -> Scale:
        margin = 0.06 * (self.high - self.low)
        return Scale(self.low - margin, self.high + margin)

    def shown(self) -> list[tuple[int, int]]:
        """Number and offset of the rows to show, the gravest first, then in input order."""
        return [(-number, offset) for _, number, offset in sorted(self.gravest, reverse=True)]


def survey(findings: Path, limit: int) -> Survey:
    """Read a findings file once."""
    surveyed = Survey(limit)
    for number, (offset, row) in enumerate(read_rows_with_offsets(findings), 1):
        surveyed.add(number, offset, row)
    return surveyed


def write_html(
    path: Path,
    findings: Path,
    about: ReportAbout,
    gallery: Gallery,
    *,
    limit: int = DEFAULT_LIMIT,
) -> None:
    """Write the report of a findings file. `path` is replaced only by a complete report."""
    from markupsafe import Markup

    surveyed = survey(findings, limit)
    template = _environment().get_template("report.html")
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for chunk in template.generate(
            about=about,
            survey=surveyed,
            tally=surveyed.tally,
            verdicts=_verdict_bars(surveyed.tally),
            cards=_cards(findings, surveyed, gallery),
            lines=islice(_lines(findings), LISTED),
            failures=islice((row for row in read_rows(findings) if row["error"]), LISTED),
            listed=LISTED,
            css=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        ):
            file.write(chunk)
    temporary.replace(path)


def moment(text: str) -> str:
    """An ISO 8601 moment for a person: to the minute, with its offset."""
    at = datetime.fromisoformat(text)
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".rstrip()


def _claimed(value: Any, name: str) -> str:
    """One value of a use for a person."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at"):
        return moment(value)
    return ", ".join(value) if isinstance(value, list) else str(value).replace("_", " ")


def _words(code: object) -> str:
    """A code as words."""
    return re.sub(r"\bai\b", "AI", str(code).replace("_", " "))


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = _words
    environment.filters["claimed"] = _claimed
    environment.filters["filename"] = lambda source: Path(source).name or source
    return environment


def _cards(findings: Path, surveyed: Survey, gallery: Gallery) -> Iterator[Card]:
    for number, offset in surveyed.shown():
        yield card_of(number, read_row_at(findings, offset), gallery, surveyed.scale)


def _lines(findings: Path) -> Iterator[Row]:
    for number, row in enumerate(read_rows(findings), 1):
        yield {
            "number": number,
            "row": row,
            "who": talent_refs(row),
            "why": [row["error"]] if row["error"] else reasons(row),
            "file": told_by_file(row),
        }


def _verdict_bars(tally: Tally) -> list[Row]:
    """Every verdict that occurs, the gravest first, with its share of the pictures checked."""
    checked = max(1, tally.verdicts.total())
    return [
        {
            "verdict": verdict,
            "count": tally.verdicts[verdict],
            "share": 100 * tally.verdicts[verdict] / checked,
        }
        for verdict in reversed(Verdict)
        if tally.verdicts[verdict]
    ]
