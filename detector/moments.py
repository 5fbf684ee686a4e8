"""Moments: how a date that a person wrote becomes an instant with a time zone, and how instants are kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timezone, tzinfo
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1900, 9998
"""Years outside these are slips of the pen."""


def aware(moment: datetime) -> datetime:
    """The same moment with a time zone; one without is read as UTC."""
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def first_instant(moment: datetime | date, zone: tzinfo) -> datetime:
    """The earliest that can be meant: of a day alone its beginning in `zone`."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min, tzinfo=zone)


def last_instant(moment: datetime | date, zone: tzinfo) -> datetime:
    """The latest that can be meant: of a day alone its end in `zone`."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.max, tzinfo=zone)


def said(moment: datetime | date) -> str:
    """For a sentence: the day alone where the moment begins or ends one, else to the minute, with its zone."""
    if not isinstance(moment, datetime):
        return f"{moment:%Y-%m-%d}"
    if moment.time() in (time.min, time.max):
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or 'UTC'}"


def zone_of(name: object) -> tzinfo:
    """The IANA time zone of that name. Raises ValueError with a sentence for anything else."""
    try:
        return ZoneInfo(str(name))
    except (ValueError, KeyError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone, such as Europe/Paris or UTC") from None


def localise(value: object, zone: tzinfo, *, end_of_day: bool = False) -> object:
    """A date (or a time without zone), as written in a record, as a moment in the record's zone.

    A date is its first instant, or its last where it ends something. What is no date is returned as it is.
    """
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime.combine(value, time.max if end_of_day else time.min, tzinfo=zone)
    return value


def _read(text: str) -> object:
    """The date or time that `text` writes, else `text`."""
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text.strip())
        except ValueError:
            continue
    return text


def only_dates(value: object) -> object:
    """A date or text, as it is. Raises ValueError for a number, which would otherwise be read as seconds."""
    if isinstance(value, datetime | str):
        return value
    raise ValueError(f"{value!r} is no date, such as 2026-03-01 or 2026-03-01T09:30:00+01:00")


def plain_offset(moment: datetime) -> datetime:
    """The moment with a fixed offset: what JSON can carry, and what always equals itself (PEP 495)."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"the year {moment.year} is outside {FIRST_YEAR} to {LAST_YEAR}")
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60:
        return moment.astimezone(UTC)
    return moment.replace(tzinfo=timezone(offset) if offset else UTC)
