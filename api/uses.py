"""From what a person writes (options, columns of a manifest) to a `Use`.

Options give the defaults of a whole run; a row's own column wins over them, and an empty cell leaves the
default. A bad option is a usage error and nothing runs; a bad cell costs its row alone (`bad_use`), like
any other bad input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

from detector.errors import InputError, UsageError
from detector.territory import COUNTRIES, WORLD
from detector.use import Medium, Moment, Use

USE_COLUMNS = tuple(field.name for field in fields(Use))
"""Columns (and options) that describe the use. Any other column of a manifest is carried along untouched."""

TRUE = frozenset({"true", "yes", "1", "y"})
FALSE = frozenset({"false", "no", "0", "n"})


BAD_USE = "bad_use"
"""Code of a row whose columns cannot be read as a use."""


def use_of(columns: Mapping[str, str], defaults: Use) -> Use:
    """The use that one row claims: its own columns over the run's defaults. Raises InputError `bad_use`."""
    given = {name: columns[name].strip() for name in USE_COLUMNS if columns.get(name, "").strip()}
    try:
        return replace(defaults, **{name: _PARSERS[name](text) for name, text in given.items()})
    except ValueError as error:
        raise InputError(f"the row's use cannot be read: {error}.", code=BAD_USE) from error


def readable_use(columns: Mapping[str, str], defaults: Use) -> Use:
    """What can be read of a row's use: a column that can't be read claims nothing, the others count."""
    use = defaults
    for name in USE_COLUMNS:
        try:
            use = use_of({name: columns.get(name, "")}, use)
        except InputError:
            use = replace(use, **{name: getattr(Use(), name)})
    return use


def use_from_options(options: Mapping[str, str | None]) -> Use:
    """The use that the options claim. Raises UsageError naming the option."""
    try:
        return use_of({name: text for name, text in options.items() if text is not None}, Use())
    except InputError as error:
        raise UsageError(error.detail.replace("the row's use", "the use given", 1)) from error


def parse_moment(text: str) -> datetime:
    """An ISO 8601 date or date and time. Without a zone it is UTC; a date alone is its first instant."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no ISO 8601 date, such as 2026-03-01 or 2026-03-01T09:30+01:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_day_or_moment(text: str) -> Moment:
    """Like `parse_moment`, but a date alone stays a day: which instant of it is for each record's zone to say."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return parse_moment(text)


def parse_flag(text: str) -> bool:
    """yes or no, in the usual spellings."""
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def parse_medium(text: str) -> Medium:
    """One of the media that a consent record can name."""
    try:
        return Medium(text.lower())
    except ValueError:
        raise ValueError(f"medium {text!r} is none of {', '.join(Medium)}") from None


def parse_territory(text: str) -> str:
    """An ISO 3166-1 alpha-2 code, or WORLD."""
    territory = text.upper()
    if territory == WORLD or territory in COUNTRIES:
        return territory
    raise ValueError(
        f"territory {text!r} is neither WORLD nor a country's code of ISO 3166-1 (GB, not UK; no EU)"
    )


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split("[|;]", text) if part.strip())


_SPECIAL: Mapping[str, Callable[[str], Any]] = {
    "medium": parse_medium,
    "territory": parse_territory,
    "published_at": parse_day_or_moment,
    "made_at": parse_day_or_moment,
    "seen_at": parse_day_or_moment,
    "declared_ai": parse_flag,
    "labelled_ai": parse_flag,
    "has_c2pa": parse_flag,
    "alterations": _parse_list,
}

_PARSERS: Mapping[str, Callable[[str], Any]] = {name: _SPECIAL.get(name, str) for name in USE_COLUMNS}
