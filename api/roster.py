"""Reading a roster: a CSV file of people, their releases and their pictures, row by row.

    read_roster(path)       a file; pictures and documents lie beside it
    parse_roster(text, …)   a text that was sent; pictures and documents are those that came with it

Both check the columns once (a wrong file is a usage error and nothing is imported) and answer with one `RosterRow` per
row, broken ones too: their `fault` says what is wrong, and costs that row only. Nothing here touches the store.
"""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from api.uses import parse_flag
from data.sources import file_item
from data.sources.items import Item
from detector.errors import InputError, UsageError

REQUIRED = ("talent_ref", "name", "image")
OPTIONAL = ("release_signed_at", "release_document", "retain_until", "agency", "minor", "guardian")
LONGEST_CELL = 4096


class RowError(InputError):
    """One row of a roster can't be used."""

    code = "bad_row"


@dataclass(frozen=True, slots=True)
class Release:
    """A biometric release as a roster or the options of `enroll` state it, not checked yet.

    Dates are ISO 8601. document: a file, or the SHA-256 of one. guardian: who signed for a minor.
    """

    signed_at: str
    retain_until: str | None = None
    document: str | None = None
    guardian: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who a row is about. None: the row does not say."""

    ref: str
    name: str
    agency: str | None = None
    minor: bool | None = None


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row. `image` is as written in the file, `picture` what that is. `person` is None exactly with a
    `fault`.
    """

    number: int
    talent_ref: str
    image: str
    picture: Item
    person: Person | None = None
    release: Release | None = None
    fault: InputError | None = None


class Surroundings(Protocol):
    """Where a roster's pictures and documents are."""

    def picture(self, name: str) -> Item: ...

    def document(self, name: str) -> str:
        """What `Release.document` is to be: a path, or a SHA-256. Raises InputError."""
        ...


@dataclass(frozen=True, slots=True)
class Beside:
    """Pictures and documents of a roster file: paths, relative to its folder."""

    folder: Path

    def picture(self, name: str) -> Item:
        path = self.folder / name
        return Item(str(path), file_item(path).read)

    def document(self, name: str) -> str:
        return str(self.folder / name)


def read_roster(path: Path) -> list[RosterRow]:
    """Every row, in order. Raises UsageError when the file can't be read or lacks a required column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(file, str(path), Beside(path.parent))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error


def parse_roster(body: bytes, place: str, surroundings: Surroundings) -> list[RosterRow]:
    """The same of a file's bytes; `place` names it in errors."""
    return _rows(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline=""), place, surroundings)


def _rows(text: Iterable[str], place: str, surroundings: Surroundings) -> list[RosterRow]:
    lines = _lines(text, place)
    columns = [name.strip() for name in next(lines, [])]
    _check_columns(place, columns)
    return [
        _row(number, columns, cells, surroundings)
        for number, cells in enumerate((cells for cells in lines if any(map(str.strip, cells))), start=1)
    ]


def _lines(text: Iterable[str], place: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(text, strict=True)
    except UnicodeDecodeError as error:
        raise UsageError(f"{place} is not UTF-8 text; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"{place} is not valid CSV: {error}") from error


def _check_columns(place: str, columns: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        names = ", ".join(f"`{name}`{_near(name, columns)}" for name in missing)
        raise UsageError(f"{place} lacks the column {names}; a roster needs {', '.join(REQUIRED)}")
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise UsageError(f"{place} has the column {', '.join(twice)} twice")


def _near(name: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1)
    return f" (is it `{near[0]}`?)" if near else ""


def _row(number: int, columns: Sequence[str], cells: Sequence[str], surroundings: Surroundings) -> RosterRow:
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    image = values.get("image", "")
    row = RosterRow(number, values.get("talent_ref", ""), image, surroundings.picture(image))
    try:
        if len(cells) > len(columns):
            raise RowError(f"the row has {len(cells)} cells, but there are {len(columns)} columns")
        person = _person(values)
        return replace(row, person=person, release=_release(values, surroundings))
    except InputError as fault:
        return replace(row, fault=fault)


def _person(values: Mapping[str, str]) -> Person:
    for name in REQUIRED:
        if not values.get(name):
            raise RowError(f"the row's `{name}` is empty", code="missing_value")
    for name, text in values.items():
        if len(text) > LONGEST_CELL or any(unicodedata.category(each) == "Cc" for each in text):
            raise RowError(f"the row's `{name}` is no plausible text")
    try:
        minor = parse_flag(values["minor"]) if values.get("minor") else None
    except ValueError as error:
        raise RowError(f"the row's `minor` is {error}") from error
    return Person(values["talent_ref"], values["name"], values.get("agency") or None, minor)


def _release(values: Mapping[str, str], surroundings: Surroundings) -> Release | None:
    signed_at = values.get("release_signed_at")
    rest = {name: values.get(name) or None for name in ("release_document", "retain_until", "guardian")}
    if not signed_at:
        stray = [name for name, value in rest.items() if value]
        if stray:
            raise RowError(f"the row gives {', '.join(stray)} but no `release_signed_at`", code="bad_release")
        return None
    named = rest["release_document"]
    document = named if named is None or is_digest(named) else surroundings.document(named)
    return Release(signed_at, rest["retain_until"], document, rest["guardian"])


def is_digest(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdefABCDEF" for character in text)
