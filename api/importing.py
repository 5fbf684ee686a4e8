"""Importing a roster: people, their releases, their pictures; one result per row, in order.

    rows ─ a batch ─▶ person and release on record ─▶ enrolment (networks once a batch) ─▶ results, in order

Everything that a row writes is committed before its result is given out: a killed import has lost no
acknowledged row, and importing again goes on where it ended, since what is on record already stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from api.registration import Registration
from api.roster import Person, Release, RosterRow, RowError
from data.sources import file_item
from data.store import Store, Talent
from detector.errors import Conflict, InputError, NotFound, UsageError
from indexer.enrolment import BATCH, Enroller, EnrolmentRequest, EnrolmentResult, Status
from indexer.judging import Release as StandingRelease

COLUMNS = ("talent_ref", "image", "status", "code", "detail")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one row; its fields are the columns of the result file."""

    talent_ref: str
    image: str
    status: Status
    code: str | None = None
    detail: str | None = None


class RosterImport:
    """Imports rows. One at a time per store."""

    def __init__(self, store: Store, registration: Registration, enroller: Enroller) -> None:
        self._people = _People(store, registration)
        self._enroller = enroller

    def run(self, rows: Iterable[RosterRow], at: datetime) -> Iterator[ImportResult]:
        """One result per row, in order, given out once everything the row writes is durable."""
        remaining = iter(rows)
        while batch := list(islice(remaining, BATCH)):
            prepared = [self._prepared(row) for row in batch]
            requests = [item for item in prepared if isinstance(item, EnrolmentRequest)]
            yield from self._merged(batch, prepared, self._enroller.enrol(requests, at))

    def _prepared(self, row: RosterRow) -> EnrolmentRequest | ImportResult:
        try:
            if row.person is None:
                raise row.fault or RowError("the row can't be read")
            talent = self._people.registered(row.person, row.release)
        except (InputError, UsageError, Conflict) as error:
            return ImportResult(row.talent_ref, row.image, Status.REJECTED, error.code, error.detail)
        return EnrolmentRequest(
            talent_id=talent.id,
            talent_ref=talent.ref,
            image=str(row.path),
            read=file_item(row.path).read,
            release=self._people.release(talent),
        )

    def _merged(
        self,
        rows: Sequence[RosterRow],
        prepared: Sequence[EnrolmentRequest | ImportResult],
        enrolled: Iterator[EnrolmentResult],
    ) -> Iterator[ImportResult]:
        for row, item in zip(rows, prepared, strict=True):
            if isinstance(item, ImportResult):
                yield item
            else:
                found = next(enrolled)
                yield ImportResult(row.talent_ref, row.image, found.status, found.code, found.detail)


class _People:
    """The people of one import, each looked up once."""

    def __init__(self, store: Store, registration: Registration) -> None:
        self._store = store
        self._registration = registration
        self._talents: dict[str, Talent] = {}
        self._recorded: set[tuple[str, Release]] = set()

    def registered(self, person: Person, release: Release | None) -> Talent:
        """The talent, registered now if need be, with the release on record.

        Raises RowError when the row contradicts what is on record, InvalidRecord for a release that is none.
        """
        if release is not None:
            self._registration.accept(release, minor=bool(person.minor))
        talent = self._talents.get(person.ref) or self._found(person)
        self._talents[person.ref] = talent
        _require_same(person, talent)
        if release is not None and (talent.id, release) not in self._recorded:
            self._registration.record_release(talent, release)
            self._recorded.add((talent.id, release))
        return talent

    def release(self, talent: Talent) -> StandingRelease | None:
        """The release that the talent's pictures are judged by."""
        return self._registration.release_of(talent)

    def _found(self, person: Person) -> Talent:
        try:
            return self._store.talents.by_ref(person.ref)
        except NotFound:
            return self._store.talents.add(
                person.ref, person.name, agency=person.agency, minor=bool(person.minor)
            )


def _require_same(person: Person, talent: Talent) -> None:
    """A reference that already belongs to somebody else is no place for this person's pictures."""
    stated = {"name": person.name, "agency": person.agency, "minor": person.minor}
    kept = {"name": talent.name, "agency": talent.agency, "minor": talent.minor}
    for field, value in stated.items():
        if value is not None and _folded(value) != _folded(kept[field]):
            raise RowError(
                f"{talent.ref} is on record with the {field} {kept[field]!r}, the row says {value!r}; "
                "correct the row, or the record with `lookalike talent update`",
                code="talent_differs",
            )


def _folded(value: object) -> object:
    return " ".join(value.casefold().split()) if isinstance(value, str) else value
