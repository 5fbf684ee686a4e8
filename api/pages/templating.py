"""Templates and the few filters that they use: words for codes, moments for people, names of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages.views.strengths import anchor

TEMPLATES = Path(__file__).parent / "templates"

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def environment(clock: Callable[[], datetime]) -> Environment:
    """The templates, escaping everything; a name that is not there is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        words=words,
        moment=moment,
        day=day,
        filename=filename,
        claimed=claimed,
        anchor=anchor,
        date_field=date_field,
        lasts=elapsed,
        age=partial(_age, clock),
    )
    return made


def words(code: object) -> str:
    """A code as words: `no_consent` is 'no consent', `ai_edit` is 'AI edit'."""
    return re.sub(r"\b(ai|url|tv|ooh)\b", lambda found: found[0].upper(), str(code).replace("_", " "))


def as_datetime(value: datetime | str) -> datetime:
    """A moment of the store, or of a row; without a zone it is UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def moment(value: datetime | str) -> str:
    """To the minute, in UTC unless the moment has a zone of its own."""
    at = as_datetime(value)
    return f"{at:%d %b %Y, %H:%M} {at.tzname() or ''}".rstrip()


def day(value: date | str) -> str:
    """The day alone."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{at:%d %b %Y}"


def filename(source: object) -> str:
    """The last part of a path or URL, for a heading; the whole where there is none."""
    path = urlsplit(str(source)).path if "://" in str(source) else str(source)
    return PurePosixPath(path).name or str(source)


def claimed(value: Any, name: str) -> str:
    """One value of a use for a person."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at"):
        return moment(value) if "T" in str(value) else day(value)
    return ", ".join(map(words, value)) if isinstance(value, list) else words(value)


def date_field(text: str) -> str:
    """The type of a field for a day: one that holds more than a day alone must show it as text."""
    try:
        alone = not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        alone = False
    return "date" if alone else "text"


def elapsed(gone: timedelta) -> str:
    """How long that is, in its largest unit."""
    seconds = max(0, int(gone.total_seconds()))
    for name, size in _UNITS:
        count = seconds // size
        if count:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "a moment"


def _age(clock: Callable[[], datetime], value: datetime | str) -> str:
    return elapsed(clock() - as_datetime(value))
