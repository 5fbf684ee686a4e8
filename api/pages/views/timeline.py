"""The terms of consent records on one axis of time. Pure: positions in percent of the width.

    records, now ─▶ Timeline(ticks, now, lanes) ─▶ SVG

A lane is a record: the part of its term that counts, the part that a revocation took away, a dispute, the signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from detector.moments import aware
from detector.record import ConsentRecord, ConsentStatus, defects, status

MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000)
"""Distances of the ticks: the first that gives few enough."""

TICKS = 6
AIR = 0.04
"""Of the range, at both ends."""

AROUND = timedelta(days=180)
"""At least this much before and after now is shown."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a lane. `open`: it goes on beyond the right edge, without an end."""

    left: float
    width: float
    open: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One record. `lost`: what a revocation took away; `signed`: where the signature lies;
    `void`: it counts as no consent."""

    record: ConsentRecord
    status: ConsentStatus
    span: Span | None
    lost: Span | None
    dispute: Span | None
    signed: float | None
    void: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """`now` is where today lies."""

    ticks: tuple[Tick, ...]
    now: float
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of time."""

    first: datetime
    last: datetime

    def at(self, moment: datetime) -> float:
        """Percent of the width, kept inside."""
        share = (aware(moment) - self.first) / (self.last - self.first)
        return round(100 * min(1.0, max(0.0, share)), 2)


def timeline(records: Sequence[ConsentRecord], now: datetime) -> Timeline:
    """The records (newest versions) in the order given, with their status as of `now`."""
    axis = _axis(records, now)
    return Timeline(_ticks(axis), axis.at(now), tuple(_lane(record, axis, now) for record in records))


def effective_end(record: ConsentRecord) -> datetime | None:
    """The last moment that counts: of the term, or when a revocation takes effect; None: open."""
    return _earlier(record.ends_at, record.life.effective_at)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends; None: open."""
    return min((end for end in (one, other) if end is not None), default=None)


def _lane(record: ConsentRecord, axis: Axis, now: datetime) -> Lane:
    end, full = effective_end(record), record.ends_at
    start = record.starts_at
    revoked = record.life.effective_at is not None and end != full
    signed = record.form.signed_at
    return Lane(
        record,
        status(record, now),
        _span(axis, start, end),
        _span(axis, end if start is None or end is None else max(start, end), full) if revoked else None,
        _span(axis, record.life.suspended_at, _earlier(record.life.suspended_until, full)),
        None if signed is None else axis.at(signed),
        bool(defects(record)),
    )


def _span(axis: Axis, start: datetime | None, end: datetime | None) -> Span | None:
    if start is None or (end is not None and end <= start):
        return None
    left = axis.at(start)
    right = 100.0 if end is None else axis.at(end)
    return Span(left, round(right - left, 2), end is None)


def _axis(records: Iterable[ConsentRecord], now: datetime) -> Axis:
    shown = [now - AROUND, now + AROUND]
    for record in records:
        life = record.life
        dated = (
            record.starts_at,
            record.ends_at,
            record.form.signed_at,
            life.suspended_at,
            life.effective_at,
        )
        shown.extend(moment for moment in dated if moment is not None)
    first, last = min(shown).astimezone(UTC), max(shown).astimezone(UTC)
    air = AIR * (last - first)
    return Axis(first - air, last + air)


def _ticks(axis: Axis) -> tuple[Tick, ...]:
    step = next(months for months in MONTHS if _count(axis, months) <= TICKS)
    return tuple(Tick(axis.at(moment), _label(moment, step)) for moment in _steps(axis, step))


def _count(axis: Axis, months: int) -> int:
    return (_month_of(axis.last) - _month_of(axis.first)) // months + 1


def _steps(axis: Axis, months: int) -> Iterable[datetime]:
    """The first days of months at multiples of the step, inside the axis."""
    number = -(-(_month_of(axis.first) + 1) // months) * months
    while number <= _month_of(axis.last):
        yield datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        number += months


def _month_of(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _label(moment: datetime, step: int) -> str:
    return f"{moment:%b %Y}" if step % 12 else f"{moment:%Y}"
