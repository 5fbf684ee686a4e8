"""Talents: the registered persons."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from data.store.database import Database
from data.store.ids import TALENT, new_id
from data.store.rows import chunks, plain, spellings
from data.store.tables import talent
from detector.errors import Conflict, NotFound, StaleVersion, UsageError


@dataclass(frozen=True, slots=True)
class Talent:
    """A registered person. `ref` is the agency's own reference: unique, case-sensitive, without blanks around
    it.

    After an erasure a tombstone stays: `erased_at` is set, `ref` and `name` are the id.
    """

    id: str
    ref: str
    name: str
    agency: str | None
    minor: bool
    wants_every_report: bool
    created_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class TalentFilter:
    """Which talents a list shows. `agency` in any capitals; `ref` exactly; `search`: part of the name or the reference,
    in any capitals; None: any."""

    agency: str | None = None
    ref: str | None = None
    erased: bool = False
    search: str | None = None


class Talents:
    """Repository of talents. Erasure reaches further than this table: see `data.store.erasure`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        ref: str,
        name: str,
        *,
        agency: str | None = None,
        minor: bool = False,
        wants_every_report: bool = False,
        talent_id: str | None = None,
    ) -> Talent:
        """Register a talent, under an id of `new_id` if one was made before. Raises Conflict when the reference is
        taken, UsageError when it or the name is blank, or anything is not one line."""
        ref, name = _required(ref, "talent reference"), _required(name, "name")
        talent_id = talent_id or new_id(TALENT, self._database.clock())
        with self._database.change("talent.added", talent_id, {"minor": minor}) as change:
            if change.connection.execute(select(talent.c.id).where(talent.c.ref == ref)).first():
                raise Conflict(f"a talent with the reference {ref!r} is registered already")
            added = Talent(
                talent_id, ref, name, _optional(agency), minor, wants_every_report, change.at, None
            )
            change.connection.execute(insert(talent).values(_columns(added)))
        return added

    def get(self, talent_id: str) -> Talent:
        """The talent with this id, erased or not. Raises NotFound."""
        with self._database.reading() as connection:
            return find(connection, talent_id)

    def by_ref(self, ref: str) -> Talent:
        """The talent with this reference. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(talent).where(talent.c.ref == plain(ref).strip())).one_or_none()
        if row is None:
            raise NotFound(f"no talent is registered with the reference {ref!r}; see `lookalike talent list`")
        return _talent(row)

    def list(self, *, erased: bool = False) -> list[Talent]:
        """Talents in the order of their references; the erased ones only if asked."""
        query = select(talent).order_by(talent.c.ref, talent.c.id)
        if not erased:
            query = query.where(talent.c.erased_at.is_(None))
        with self._database.reading() as connection:
            return [_talent(row) for row in connection.execute(query)]

    def page(self, wanted: TalentFilter, after: str | None, limit: int) -> Sequence[Talent]:
        """At most `limit` talents in the order of their ids (of registration), from behind the id `after` on."""
        query = select(talent).order_by(talent.c.id).limit(limit)
        if after is not None:
            query = query.where(talent.c.id > after)
        if not wanted.erased:
            query = query.where(talent.c.erased_at.is_(None))
        if wanted.ref is not None:
            query = query.where(talent.c.ref == plain(wanted.ref).strip())
        if wanted.search is not None:
            query = query.where(_holds(plain(wanted.search).strip()))
        with self._database.reading() as connection:
            if wanted.agency is not None:
                query = query.where(
                    talent.c.agency.in_(spellings(connection, talent.c.agency, wanted.agency))
                )
            return [_talent(row) for row in connection.execute(query)]

    def many(self, talent_ids: Sequence[str]) -> Mapping[str, Talent]:
        """Those of the ids that exist, by id."""
        with self._database.reading() as connection:
            rows = [
                row
                for some in chunks(talent_ids)
                for row in connection.execute(select(talent).where(talent.c.id.in_(some)))
            ]
        return {row.id: _talent(row) for row in rows}

    def names(self, talent_ids: Sequence[str]) -> Mapping[str, str]:
        """Names of those of the ids that exist, by id."""
        return {talent_id: found.name for talent_id, found in self.many(talent_ids).items()}

    def refs(self, talent_ids: Sequence[str]) -> Mapping[str, str]:
        """References of those of the ids that exist, by id."""
        return {talent_id: found.ref for talent_id, found in self.many(talent_ids).items()}

    def update(self, talent_id: str, **values: str | bool | None) -> Talent:
        """Set any of name, agency, minor, wants_every_report. Raises NotFound; Conflict when the talent is
        erased."""
        return self._update(talent_id, None, values)

    def revise(self, seen: Talent, **values: str | bool | None) -> Talent:
        """The same in view of a state: raises StaleVersion as well, when the talent is not as `seen` any more."""
        return self._update(seen.id, seen, values)

    def _update(self, talent_id: str, seen: Talent | None, values: Mapping[str, str | bool | None]) -> Talent:
        unknown = sorted(set(values) - {"name", "agency", "minor", "wants_every_report"})
        if unknown:
            raise UsageError(f"a talent has no changeable field {', '.join(unknown)}")
        cleaned = {key: _cleaned(key, value) for key, value in values.items()}
        details = {"fields": ",".join(sorted(values))}
        with self._database.change("talent.updated", talent_id, details) as change:
            found = present(change.connection, talent_id)
            if seen is not None and found != seen:
                raise StaleVersion(f"talent {talent_id} was changed meanwhile; read it again first")
            if cleaned:
                change.connection.execute(update(talent).where(talent.c.id == talent_id).values(cleaned))
            return find(change.connection, talent_id)


def _holds(text: str) -> ColumnElement[bool]:
    """Name or reference holds the text. SQLite folds the capitals of ASCII alone: other letters are asked for in each of
    the usual ways to write them."""
    written = dict.fromkeys((text, text.lower(), text.upper(), text.title()))
    columns = (talent.c.name, talent.c.ref)
    return or_(*(column.icontains(each, autoescape=True) for column in columns for each in written))


def find(connection: Connection, talent_id: str) -> Talent:
    """The talent with this id. Raises NotFound."""
    row = connection.execute(select(talent).where(talent.c.id == talent_id)).one_or_none()
    if row is None:
        raise NotFound(f"no talent has the id {talent_id!r}; see `lookalike talent list`")
    return _talent(row)


def present(connection: Connection, talent_id: str) -> Talent:
    """The talent with this id, not erased. Raises NotFound or Conflict."""
    found = find(connection, talent_id)
    if found.erased_at is not None:
        raise Conflict(
            f"talent {talent_id} was erased on {found.erased_at:%Y-%m-%d}; register the person anew"
        )
    return found


def _talent(row: Row[Any]) -> Talent:
    return Talent(**row._mapping)


def _columns(item: Talent) -> dict[str, Any]:
    return {column.name: getattr(item, column.name) for column in talent.columns}


def _required(text: str, what: str) -> str:
    cleaned = _one_line(text, what)
    if not cleaned:
        raise UsageError(f"the {what} is blank")
    return cleaned


def _optional(text: str | None) -> str | None:
    return _one_line(text or "", "agency") or None


def _one_line(text: str, what: str) -> str:
    """Raises UsageError for line breaks and other control characters: a list has a line per talent."""
    cleaned = plain(text).strip()
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in cleaned):
        raise UsageError(f"the {what} holds a line break or another control character; write it on one line")
    return cleaned


def _cleaned(key: str, value: str | bool | None) -> str | bool | None:
    if key == "name":
        return _required(str(value or ""), key)
    return _optional(value) if key == "agency" and not isinstance(value, bool) else bool(value)
