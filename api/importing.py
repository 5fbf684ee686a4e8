"""Importing a roster: people, their releases, their pictures; one result per row, in order.

    rows ─ some batches ─▶ person and release, not kept yet ─▶ enrolment (networks once a batch) ─▶ results, in order
                                                             └ accepted: person, release and reference are kept

A rejected row puts nothing on record. Everything that a row writes is committed before its result is given out: a
killed import has lost no acknowledged row, and importing again goes on where it ended, since what is on record already
stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from api.agency import ANYBODY, Agency
from api.composition import KeptReferences
from api.registration import Registration
from api.roster import Person, Release, RosterRow, RowError
from data.store import TALENT, Store, Talent, new_id
from detector.errors import Conflict, Forbidden, InputError, NotFound, UsageError
from detector.record import ConsentRecord
from indexer.enrolment import (
    BATCH,
    AcceptedReference,
    Enroller,
    EnrolmentRequest,
    EnrolmentResult,
    ReferenceStore,
    Status,
)
from indexer.judging import Release as StandingRelease

ROWS = 8 * BATCH
"""Rows that are prepared together: some batches, so that one is looked at while the one before is stored."""

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
    """Imports rows. One at a time per store. `enroller_keeping` builds the enroller over a store of references;
    `agency`: whose talents may be registered."""

    def __init__(
        self,
        store: Store,
        registration: Registration,
        enroller_keeping: Callable[[ReferenceStore], Enroller],
        agency: Agency = ANYBODY,
    ) -> None:
        self._store = store
        self._registration = registration
        self._agency = agency
        self._people = _People(store, registration, agency)
        self._enroller = enroller_keeping(_Registering(KeptReferences(store), self._settle))

    def run(self, rows: Iterable[RosterRow], at: datetime) -> Iterator[ImportResult]:
        """One result per row, in order, given out once everything the row writes is durable."""
        remaining = iter(rows)
        while batch := list(islice(remaining, ROWS)):
            self._people = _People(self._store, self._registration, self._agency)
            prepared = [self._prepared(row, at) for row in batch]
            requests = [item for item in prepared if isinstance(item, EnrolmentRequest)]
            yield from self._merged(batch, prepared, self._enroller.enrol(requests, at))

    def _prepared(self, row: RosterRow, at: datetime) -> EnrolmentRequest | ImportResult:
        try:
            if row.person is None:
                raise row.fault or RowError("the row can't be read")
            talent = self._people.stated(row.number, row.person, row.release, at)
        except (InputError, UsageError, Conflict, Forbidden) as error:
            return ImportResult(row.talent_ref, row.image, Status.REJECTED, error.code, error.detail)
        return EnrolmentRequest(
            talent_id=talent.id,
            talent_ref=talent.ref,
            image=row.picture.source,
            read=row.picture.read,
            release=self._people.release(talent),
        )

    def _settle(self, talent_id: str) -> None:
        self._people.settle(talent_id)

    def _merged(
        self,
        rows: Sequence[RosterRow],
        prepared: Sequence[EnrolmentRequest | ImportResult],
        enrolled: Iterator[EnrolmentResult],
    ) -> Iterator[ImportResult]:
        for row, item in zip(rows, prepared, strict=True):
            if isinstance(item, ImportResult):
                yield item
                continue
            self._people.under_way = row.number
            found = next(enrolled)
            if found.status is Status.UNCHANGED:  # the picture is a reference already, the release may be new
                self._people.settle(item.talent_id)
            yield ImportResult(row.talent_ref, row.image, found.status, found.code, found.detail)


class _Registering:
    """The store of references that first puts the person and the release on record."""

    def __init__(self, kept: KeptReferences, settle: Callable[[str], None]) -> None:
        self._kept = kept
        self._settle = settle

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        return self._kept.references_of_files(sha256s)

    def add(self, talent_id: str, reference: AcceptedReference) -> str:
        self._settle(talent_id)
        return self._kept.add(talent_id, reference)


@dataclass(slots=True)
class _Stated:
    """A person of this batch. `kept`: on record already. releases: those stated, with the number of their row."""

    talent: Talent
    kept: bool
    releases: list[tuple[int, ConsentRecord]] = field(default_factory=list)


class _People:
    """The people of one batch: looked up once, and put on record when a row of theirs is accepted. `under_way`: the
    number of the row that is being judged."""

    def __init__(self, store: Store, registration: Registration, agency: Agency) -> None:
        self._store = store
        self._registration = registration
        self._agency = agency
        self._by_ref: dict[str, _Stated] = {}
        self.under_way = 0

    def stated(self, number: int, person: Person, release: Release | None, at: datetime) -> Talent:
        """The talent that a row is about, on record or not yet; the row's release counts for this row and later ones.

        Raises RowError when the row contradicts what is on record, Forbidden for another agency's talent,
        InvalidRecord for a release that is none.
        """
        person = replace(person, agency=self._agency.of_new(person.agency))
        known = self._by_ref.get(person.ref) or self._found(person, at)
        _require_same(person, known.talent)
        if release is not None:
            known.releases.append((number, self._registration.stated_release(known.talent, release)))
        self._by_ref[person.ref] = known
        return known.talent

    def release(self, talent: Talent) -> StandingRelease | None:
        """The release that the talent's pictures are judged by."""
        stated = self._by_ref[talent.ref].releases
        return self._registration.release_of(talent, [record for _, record in stated])

    def settle(self, talent_id: str) -> None:
        """Put on record whom and what the row under way, and the rows before it, state of this talent."""
        known = next(one for one in self._by_ref.values() if one.talent.id == talent_id)
        if not known.kept:
            talent = known.talent
            self._store.talents.add(
                talent.ref, talent.name, agency=talent.agency, minor=talent.minor, talent_id=talent.id
            )
            known.kept = True
        for number, record in known.releases:
            if number <= self.under_way:
                self._registration.keep_release(record)
        known.releases = [stated for stated in known.releases if stated[0] > self.under_way]

    def _found(self, person: Person, at: datetime) -> _Stated:
        try:
            known = self._store.talents.by_ref(person.ref)
            if not self._agency.covers(known):
                raise RowError(f"the reference {person.ref} is taken; choose another", code="ref_taken")
            return _Stated(known, kept=True)
        except NotFound:
            new = Talent(
                new_id(TALENT, at),
                person.ref,
                person.name,
                person.agency,
                bool(person.minor),
                False,
                at,
                None,
            )
            return _Stated(new, kept=False)


def _require_same(person: Person, talent: Talent) -> None:
    """A reference that already belongs to somebody else is no place for this person's pictures."""
    stated = {"name": person.name, "agency": person.agency, "minor": person.minor}
    kept = {"name": talent.name, "agency": talent.agency, "minor": talent.minor}
    for name, value in stated.items():
        if value is not None and _folded(value) != _folded(kept[name]):
            raise RowError(
                f"{talent.ref} is on record with the {name} {kept[name]!r}, the row says {value!r}; "
                "correct the row, or the record with `lookalike talent update`",
                code="talent_differs",
            )


def _folded(value: object) -> object:
    return " ".join(value.casefold().split()) if isinstance(value, str) else value
