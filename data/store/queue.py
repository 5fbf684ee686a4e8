"""The review queue: which findings a list shows, in which order, page by page; and how many there are of each kind.

    page(FindingFilter, Sort, after, limit) ─▶ findings           after: `place_of` the last one before
    counts(FindingFilter) ─▶ how many by state and severity       weekly, ages ─▶ for a dashboard

Places are the sort values themselves, so a page neither repeats nor skips what is there while others decide or add.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from data.store.database import Database
from data.store.findings import KeptFinding, kept_of
from data.store.rows import spellings
from data.store.service_tables import finding, finding_talent
from data.store.tables import talent
from detector.access import Principal, name_key
from detector.decision import Severity
from detector.errors import UsageError
from detector.review import PENDING, ReviewState

Place = Sequence[str | int | float | None]
"""Where a list goes on: severity rank, moment (ISO 8601), id."""


class Sort(StrEnum):
    """`gravest`: by severity, the oldest of one severity first."""

    GRAVEST = "gravest"
    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings are meant; an empty field leaves all through. `client` in any capitals. `agency`: only those
    that name nobody but that agency's talents. `since` inclusive, `until` exclusive: when it was found."""

    states: Collection[ReviewState] = ()
    severities: Collection[str] = ()
    verdicts: Collection[str] = ()
    client: str | None = None
    agency: str | None = None
    talent_id: str | None = None
    scan_id: str | None = None
    sha256: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """Findings of one client and verdict in the seven days from this Monday (UTC) on."""

    monday: date
    client: str | None
    verdict: str
    findings: int


class Queue:
    """Reads findings in lists. `seen_by` limits every answer to what a key may see."""

    def __init__(self, database: Database, seen_by: Principal | None = None) -> None:
        self._database = database
        self._seen_by = seen_by

    def seen_by(self, principal: Principal) -> Queue:
        """The same, as far as this key may see."""
        return Queue(self._database, principal)

    def page(
        self, wanted: FindingFilter, sort: Sort = Sort.GRAVEST, after: Place | None = None, limit: int = 50
    ) -> Sequence[KeptFinding]:
        """At most `limit` findings from behind the place `after` on."""
        with self._database.reading() as connection:
            query = self._narrowed(connection, select(finding), wanted)
            if after is not None:
                query = query.where(_behind(sort, after))
            rows = connection.execute(query.order_by(*_order(sort)).limit(limit)).all()
            return kept_of(connection, rows)

    def sees(self, finding_id: str) -> bool:
        """Whether there is such a finding, and the key may see it."""
        with self._database.reading() as connection:
            query = self._narrowed(connection, select(finding.c.id), FindingFilter())
            return connection.execute(query.where(finding.c.id == finding_id)).first() is not None

    def counts(self, wanted: FindingFilter = FindingFilter()) -> Mapping[tuple[ReviewState, str], int]:
        """How many there are by state and severity; what there is none of is left out."""
        counted = select(finding.c.state, finding.c.severity, func.count().label("found"))
        with self._database.reading() as connection:
            query = self._narrowed(connection, counted, wanted)
            rows = connection.execute(query.group_by(finding.c.state, finding.c.severity))
            return {(ReviewState(row.state), row.severity): row.found for row in rows}

    def weekly(self, since: datetime) -> Sequence[Week]:
        """How many were found each week since, by client and verdict, the suppressed ones left out; oldest first."""
        day = func.date(finding.c.created_at).label("day")
        columns = select(day, finding.c.client, finding.c.verdict, func.count().label("found"))
        found: Counter[tuple[date, str | None, str]] = Counter()
        with self._database.reading() as connection:
            query = self._narrowed(connection, columns, FindingFilter(since=since))
            query = query.where(finding.c.state != str(ReviewState.SUPPRESSED))
            for row in connection.execute(query.group_by(day, finding.c.client, finding.c.verdict)):
                found[_monday(date.fromisoformat(str(row.day))), row.client, row.verdict] += row.found
        return [Week(*of, count) for of, count in sorted(found.items(), key=_by_week)]

    def ages(self, at: datetime, days: Sequence[int] = (1, 7, 30)) -> Mapping[int | None, int]:
        """How many wait for somebody, by age: for each number of days those younger than that and not than the one
        before; None: the older ones."""
        waiting = FindingFilter(states=PENDING)
        since = [replace(waiting, since=at - timedelta(days=limit)) for limit in days]
        with self._database.reading() as connection:
            younger = [self._count(connection, each) for each in since]
            every = self._count(connection, waiting)
        steps = zip((*days, None), (*younger, every), (0, *younger), strict=True)
        return {limit: count - before for limit, count, before in steps}

    def _count(self, connection: Connection, wanted: FindingFilter) -> int:
        query = self._narrowed(connection, select(func.count()).select_from(finding), wanted)
        return int(connection.execute(query).scalar_one())

    def _narrowed(self, connection: Connection, query: Select[Any], wanted: FindingFilter) -> Select[Any]:
        for condition in (*_conditions(wanted), *self._limits(connection, wanted.agency)):
            query = query.where(condition)
        return query

    def _limits(self, connection: Connection, asked: str | None) -> Sequence[ColumnElement[bool]]:
        """What the key may see, and the agency that was asked for."""
        seen_by = self._seen_by
        client = seen_by.client if seen_by else None
        limits = [finding.c.client_key == name_key(client)] if client is not None else []
        agencies = {name for name in (seen_by.agency if seen_by else None, asked) if name is not None}
        return [*limits, *(_only_of(connection, agency) for agency in sorted(agencies))]


def place_of(found: KeptFinding) -> Place:
    """The place of a finding, in a list of any order."""
    rank = Severity.CRITICAL.rank - Severity(found.severity).rank
    return (rank, found.created_at.isoformat(), found.id)


def _order(sort: Sort) -> Sequence[ColumnElement[Any]]:
    if sort is Sort.NEWEST:
        return finding.c.created_at.desc(), finding.c.id.desc()
    by_age = (finding.c.created_at, finding.c.id)
    return (finding.c.severity_rank, *by_age) if sort is Sort.GRAVEST else by_age


def _behind(sort: Sort, after: Place) -> ColumnElement[bool]:
    rank, at, last = _read(after)
    created, found = finding.c.created_at, finding.c.id
    if sort is Sort.NEWEST:
        return or_(created < at, and_(created == at, found < last))
    later = or_(created > at, and_(created == at, found > last))
    if sort is Sort.OLDEST:
        return later
    return or_(finding.c.severity_rank > rank, and_(finding.c.severity_rank == rank, later))


def _read(place: Place) -> tuple[int, datetime, str]:
    try:
        rank, at, last = place
        return int(rank or 0), datetime.fromisoformat(str(at)), str(last)
    except ValueError as error:
        raise UsageError("the list can't go on from there; begin anew", code="bad_cursor") from error


def _conditions(wanted: FindingFilter) -> Sequence[ColumnElement[bool]]:
    lists = (
        (finding.c.state, wanted.states),
        (finding.c.severity, wanted.severities),
        (finding.c.verdict, wanted.verdicts),
    )
    exact = ((finding.c.scan_id, wanted.scan_id), (finding.c.sha256, wanted.sha256))
    found: list[ColumnElement[bool]] = [
        column.in_(sorted(map(str, values))) for column, values in lists if values
    ]
    found += [column == value for column, value in exact if value is not None]
    if wanted.client is not None:
        found.append(finding.c.client_key == name_key(wanted.client))
    if wanted.talent_id is not None:
        found.append(_named(finding_talent.c.talent_id == wanted.talent_id))
    if wanted.since is not None:
        found.append(finding.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(finding.c.created_at < wanted.until)
    return found


def _named(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(finding_talent.c.talent_id)
        .where(finding_talent.c.finding_id == finding.c.id, condition)
        .exists()
    )


def _only_of(connection: Connection, agency: str) -> ColumnElement[bool]:
    """Whether a finding names talents of this agency and nobody else: it tells of everyone whom it names."""
    its = select(talent.c.id).where(talent.c.agency.in_(spellings(connection, talent.c.agency, agency)))
    return and_(_named(finding_talent.c.talent_id.in_(its)), ~_named(finding_talent.c.talent_id.not_in(its)))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _by_week(entry: tuple[tuple[date, str | None, str], int]) -> tuple[date, str, str]:
    (monday, client, verdict), _ = entry
    return monday, client or "", verdict
