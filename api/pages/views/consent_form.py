"""Between what a person typed and a consent record's document, both ways. Pure.

    Typed ─ document_of ─▶ document ─ detector.record.parse_record ─▶ record ─ typed_of ─▶ Typed

Nothing is judged here. A term whose field is empty is left out of the document; a term that the form doesn't show for
this kind of record is taken over from the version before. Faults come back to the field they speak of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from api.pages.views.terms import TERMS, sections_of, terms_of
from api.pages.views.vocabulary import Entry, Term, kind_of
from detector.moments import localise, zone_of
from detector.record import ConsentRecord
from detector.terms import ANY

Document = dict[str, Any]

ANY_SUFFIX, TIME_SUFFIX = ".any", ".time"
"""Names of the second field of a term: the tick “any”, and the time of a moment."""

ENDINGS = frozenset({"duration.valid_to", "privacy.retention_until"})
"""Days that are meant to their end."""

FIRST = {"grantor.role": ("self",), "duration.timezone": ("UTC",)}
"""What stands in an empty form."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The texts of a form by field, trimmed. A field that is absent is empty."""

    texts: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        return next(iter(self.texts.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(filter(None, self.texts.get(name, ())))

    def ticked(self, name: str) -> bool:
        return bool(self.text(name))

    def lines(self, name: str) -> list[str]:
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]


def document_of(typed: Typed, before: Document | None = None) -> Document:
    """The document that the form writes, over the version before it where there is one."""
    kind = typed.text("kind")
    shown = terms_of(sections_of(kind_of(kind)))
    document = _without(before or {}, {term.path for term in shown})
    for term in shown:
        value = _READERS[term.entry](typed, term.path)
        if value is not None:
            _put(document, term.path, value)
    return document | ({"kind": kind} if kind else {})


def typed_of(record: ConsentRecord) -> Typed:
    """The form filled with a record."""
    zone = zone_of(record.duration.timezone) if record.duration else UTC
    texts: dict[str, tuple[str, ...]] = {"kind": (str(record.kind),)}
    for term in TERMS.values():
        value = term_value(record, term)
        if value is not None and value != ():
            texts |= _written(term, value, zone)
    return Typed(texts)


def term_value(record: ConsentRecord, term: Term) -> Any:
    """What the record says of a term; None: nothing."""
    value: Any = record
    for name in term.path.split("."):
        value = None if value is None else getattr(value, name)
    return value


# Fields to terms


def _text(typed: Typed, path: str) -> Any:
    return typed.text(path) or None


def _lines(typed: Typed, path: str) -> Any:
    return typed.lines(path) or None


def _codes(typed: Typed, path: str) -> Any:
    return [code for code in re.split(r"[\s,;]+", typed.text(path)) if code] or None


def _words(typed: Typed, path: str) -> Any:
    return _any_or(typed, path, typed.lines(path))


def _choices(typed: Typed, path: str) -> Any:
    return _any_or(typed, path, list(typed.all(path)))


def _any_or(typed: Typed, path: str, named: list[str]) -> Any:
    """Both at once is for the record to refuse."""
    if typed.ticked(path + ANY_SUFFIX):
        return [ANY, *named] if named else ANY
    return named or None


def _some(typed: Typed, path: str) -> Any:
    return list(typed.all(path)) or None


def _flag(typed: Typed, path: str) -> Any:
    return typed.ticked(path) or None


def _maybe(typed: Typed, path: str) -> Any:
    return {"yes": True, "no": False}.get(typed.text(path))


def _moment(typed: Typed, path: str) -> Any:
    day, clock = typed.text(path), typed.text(path + TIME_SUFFIX)
    return f"{day}T{clock}" if day and clock else day or None


_READERS: Mapping[Entry, Callable[[Typed, str], Any]] = {
    Entry.TEXT: _text,
    Entry.LONG: _text,
    Entry.SELECT: _text,
    Entry.DAY: _text,
    Entry.LINES: _lines,
    Entry.CODES: _codes,
    Entry.WORDS: _words,
    Entry.CHOICES: _choices,
    Entry.SOME: _some,
    Entry.FLAG: _flag,
    Entry.MAYBE: _maybe,
    Entry.MOMENT: _moment,
}


def _put(document: Document, path: str, value: Any) -> None:
    *groups, name = path.split(".")
    place = document
    for group in groups:
        place = place.setdefault(group, {})
    place[name] = value


def _without(document: Document, paths: set[str], above: str = "") -> Document:
    """A copy without these terms, and without groups that hold nothing then."""
    pruned = {
        name: _without(value, paths, f"{above}{name}.") if isinstance(value, dict) else value
        for name, value in document.items()
        if f"{above}{name}" not in paths
    }
    return {name: value for name, value in pruned.items() if value not in ({}, None)}


# Terms to fields


def _written(term: Term, value: Any, zone: tzinfo) -> dict[str, tuple[str, ...]]:
    if isinstance(value, tuple) or value == ANY:
        return _written_list(term, value)
    if isinstance(value, bool):
        return _written_flag(term, value)
    if isinstance(value, datetime):
        return _written_moment(term, value, zone)
    return {term.path: (str(value),)}


def _written_list(term: Term, value: Any) -> dict[str, tuple[str, ...]]:
    if value == ANY:
        anything = term.entry in (Entry.WORDS, Entry.CHOICES)
        return {term.path + ANY_SUFFIX: ("yes",)} if anything else {term.path: (ANY,)}
    if term.entry in (Entry.CHOICES, Entry.SOME):
        return {term.path: tuple(map(str, value))}
    if term.entry is Entry.CODES:
        return {term.path: (" ".join(value),)}
    return {term.path: ("\n".join(map(_one_line, value)),)}


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _written_flag(term: Term, value: bool) -> dict[str, tuple[str, ...]]:
    if term.entry is Entry.MAYBE:
        return {term.path: ("yes" if value else "no",)}
    return {term.path: ("yes",)} if value else {}


def _written_moment(term: Term, moment: datetime, zone: tzinfo) -> dict[str, tuple[str, ...]]:
    """The day alone where the record reads it back as the same moment, with its time where that is needed."""
    local = moment.astimezone(zone)
    day, clock = f"{local:%Y-%m-%d}", f"{local:%H:%M}"
    if localise(day, zone, end_of_day=term.path in ENDINGS) == moment:
        return {term.path: (day,)}
    if term.entry is Entry.MOMENT and localise(f"{day}T{clock}", zone) == moment:
        return {term.path: (day,), term.path + TIME_SUFFIX: (clock,)}
    return {term.path: (moment.isoformat(),)}


# Faults to fields


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a record: by field, and what has no field on the form."""

    fields: Mapping[str, str]
    others: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.fields) + len(self.others)


NO_FAULTS = Faults({})


def faults_of(faults: Iterable[str]) -> Faults:
    """The record's faults (`path: sentence`) as sentences beside fields."""
    fields: dict[str, str] = {}
    others: list[str] = []
    for fault in faults:
        path, _, sentence = fault.partition(": ")
        field = _field_of(path)
        if field is None:
            others.append(fault)
        else:
            fields[field] = " ".join(filter(None, (fields.get(field), f"{_label(field)} {sentence}.")))
    return Faults(fields, tuple(others))


def _field_of(path: str) -> str | None:
    """The field of `grantee.domains.0`, of `grantee` its first one."""
    place = re.sub(r"(\.\d+)+$", "", path)
    if place == "kind" or place in TERMS:
        return place
    return next((term.path for term in TERMS.values() if term.path.startswith(f"{place}.")), None)


def _label(field: str) -> str:
    return "The kind" if field == "kind" else TERMS[field].label
