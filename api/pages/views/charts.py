"""Figures for the dashboard: weeks as stacked bars, totals as bars, ages of what waits. Pure.

Positions are percentages of the drawing, so that it needs neither a script nor a style of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data.store.queue import Week
from detector.decision import Verdict

WEEKS = 12
CLIENTS = 8
"""Clients with a bar of their own; the others are taken together."""

LEFT, TOP, BOTTOM = 5.0, 6.0, 86.0
"""Where the plot lies, in percent: beside the figures, above the days."""

NO_CLIENT, OTHERS = "no client named", "others"


@dataclass(frozen=True, slots=True)
class Piece:
    """One verdict's part of a week's bar."""

    verdict: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One week. `label`: only every other has one, for want of room."""

    monday: date
    label: str
    total: int
    x: float
    middle: float
    width: float
    pieces: tuple[Piece, ...]

    def of(self, verdict: str) -> int:
        """How many were flagged with this verdict."""
        return sum(piece.count for piece in self.pieces if piece.verdict == verdict)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the scale."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Weeks, oldest first. `verdicts` are those that occur, the gravest first."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    verdicts: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(column.total for column in self.columns)


@dataclass(frozen=True, slots=True)
class Bar:
    """One total. `share` in percent of the largest; `tone`: the class that colours it; `path`: what is behind it."""

    name: str
    count: int
    share: float
    tone: str = ""
    path: str = ""


def first_monday(now: datetime) -> date:
    """The first day that the chart of weeks shows."""
    today = now.date()
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def chart_of(weeks: Sequence[Week], now: datetime) -> Chart:
    """The last weeks, those without a finding as well."""
    mondays = [first_monday(now) + timedelta(weeks=number) for number in range(WEEKS)]
    by_week = {monday: Counter[str]() for monday in mondays}
    for week in weeks:
        if week.monday in by_week:
            by_week[week.monday][week.verdict] += week.findings
    top = ceiling(max((counts.total() for counts in by_week.values()), default=0))
    columns = [_column(number, monday, by_week[monday], top) for number, monday in enumerate(mondays)]
    occurring = {verdict for counts in by_week.values() for verdict in counts}
    return Chart(tuple(columns), _lines(top), tuple(v for v in _gravest_first() if v in occurring))


def _column(number: int, monday: date, counts: Mapping[str, int], top: int) -> Column:
    slot = (100 - LEFT) / WEEKS
    x, total = LEFT + number * slot, sum(counts.values())
    label = f"{monday:%d %b}" if (WEEKS - number) % 2 else ""
    pieces, below = [], 0
    for verdict in _gravest_first():
        if count := counts.get(verdict, 0):
            below += count
            pieces.append(Piece(verdict, count, _y(below, top), _rounded((BOTTOM - TOP) * count / top)))
    middle = _rounded(x + slot / 2)
    return Column(
        monday, label, total, _rounded(x + 0.16 * slot), middle, _rounded(0.68 * slot), tuple(pieces)
    )


def _lines(top: int) -> tuple[Line, ...]:
    values = sorted({0, top // 2, top}) if top % 2 == 0 else [0, top]
    return tuple(Line(value, _y(value, top)) for value in values)


def _y(value: int, top: int) -> float:
    return _rounded(BOTTOM - (BOTTOM - TOP) * value / top)


def _rounded(percent: float) -> float:
    return round(percent, 2)


def _gravest_first() -> list[str]:
    return [str(verdict) for verdict in reversed(Verdict)]


def ceiling(most: int) -> int:
    """The top of a scale that holds `most`: 2, 4, 10 or 20 times a power of ten, never 0."""
    power = 1
    while True:
        for step in (2, 4, 10):
            if step * power >= most:
                return step * power
        power *= 10


def by_client(weeks: Iterable[Week]) -> list[Bar]:
    """Totals by client, the largest first; beyond a few the others together."""
    counts = Counter[str]()
    for week in weeks:
        counts[week.client or NO_CLIENT] += week.findings
    ranked = counts.most_common()
    rest = sum(count for _, count in ranked[CLIENTS:])
    return _bars([*ranked[:CLIENTS], *([(OTHERS, rest)] if rest else [])])


def by_verdict(weeks: Iterable[Week]) -> list[Bar]:
    """Totals by verdict, the gravest first."""
    counts = Counter[str]()
    for week in weeks:
        counts[week.verdict] += week.findings
    return [
        Bar(bar.name, bar.count, bar.share, f"v-{bar.name}", f"/review?state=all&verdict={bar.name}")
        for bar in _bars([(verdict, counts[verdict]) for verdict in _gravest_first() if counts[verdict]])
    ]


def by_age(ages: Mapping[int | None, int]) -> list[Bar]:
    """What waits, by age: `ages` are of `data.store.queue.Queue.ages`."""
    named, before = [], 0
    for days, count in ages.items():
        named.append((_age_name(before, days), count))
        before = days or before
    return _bars(named)


def _age_name(before: int, days: int | None) -> str:
    if days is None:
        return f"over {before} days"
    return "under a day" if days == 1 else f"{before} to {days} days"


def _bars(named: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((count for _, count in named), default=0) or 1
    return [Bar(name, count, round(100 * count / most, 2)) for name, count in named]
