"""The application services of registering: look a person up, keep releases and consents, tell what is on
record.

Commands (and later HTTP) call these; they hold no rule of consent or recognition, only the order of
steps. Nothing here prints. Time comes from the clock it was built with.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.consents import Document, digest_of, new_consent_id, summary
from api.roster import Person, Release, is_digest
from api.uses import parse_day_or_moment, parse_moment
from data.store import TALENT, Store, Talent, new_id
from detector.consent import holds_biometric
from detector.errors import NotFound, UsageError
from detector.moments import first_instant, zone_of
from detector.record import ConsentRecord, ConsentStatus, current, defects, parse_record, status
from detector.terms import ConsentKind
from indexer.judging import Release as StandingRelease

Row = dict[str, Any]

LAST = datetime.max.replace(tzinfo=UTC)
"""Stands for 'no end' where releases are put in order."""


class Registration:
    """What can be done with the people on record. `clock` says what time it is, with a time zone."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def talent(self, given: str) -> Talent:
        """The talent with this reference or id. Raises NotFound with the nearest references and names."""
        try:
            return self._store.talents.by_ref(given)
        except NotFound:
            found = self._store.talents.many([given]).get(given)
        if found is None:
            raise NotFound(f"no talent is registered as {given!r}{self._nearest(given)}")
        return found

    def _nearest(self, given: str) -> str:
        known = {
            word.casefold(): talent.ref
            for talent in self._store.talents.list()
            for word in (talent.name, talent.ref)
        }
        near = dict.fromkeys(known[word] for word in difflib.get_close_matches(given.casefold(), known, n=3))
        return f"; did you mean {' or '.join(near)}?" if near else "; see `lookalike talent list`"

    def talent_rows(self) -> list[Row]:
        """Everybody registered, each as a row of `talent_row`."""
        return self.rows_of(self._store.talents.list())

    def rows_of(self, talents: Sequence[Talent]) -> list[Row]:
        """The same of these."""
        ids = [talent.id for talent in talents]
        counts, records = self._store.references.counts_of(ids), self._store.consents.of_talents(ids)
        return [self._row(talent, counts[talent.id], records[talent.id]) for talent in talents]

    def talent_row(self, talent: Talent) -> Row:
        """One talent as plain values. `findable`: a picture of them can be recognised now."""
        (row,) = self.rows_of([talent])
        return row

    def _row(self, talent: Talent, references: int, records: Any) -> Row:
        return {
            "talent_ref": talent.ref,
            "id": talent.id,
            "name": talent.name,
            "agency": talent.agency,
            "minor": talent.minor,
            "wants_every_report": talent.wants_every_report,
            "references": references,
            "biometric_consent": holds_biometric(records, self._clock(), minor=talent.minor),
            "erased_at": talent.erased_at,
        }

    def release_of(self, talent: Talent, stated: Sequence[ConsentRecord] = ()) -> StandingRelease | None:
        """The biometric consent on record as enrolment judges it: one in force if there is one, else the
        one that ended last; None when nothing on record (revoked, void, not signed yet) could allow a
        template. `stated`: releases that will be on record if the picture is accepted.
        """
        at = self._clock()
        kept = [*self._store.consents.list(talent.id), *stated]
        records = [
            record
            for record in current(kept)
            if record.kind is ConsentKind.BIOMETRIC_ENROLMENT and not defects(record)
        ]
        in_force = [record for record in records if status(record, at) is ConsentStatus.ACTIVE]
        ended = [record for record in records if status(record, at) is ConsentStatus.EXPIRED]
        chosen = in_force if holds_biometric(kept, at, minor=talent.minor) else ended
        return max(map(_standing, chosen), key=lambda release: release.retain_until or LAST, default=None)

    def register(
        self, person: Person, release: Release | None, *, wants_every_report: bool = False
    ) -> Talent:
        """Put somebody on record, with a biometric release if there is one: both, or, where either is refused, neither.
        Raises Conflict, InvalidRecord, UsageError."""
        at, minor = self._clock(), bool(person.minor)
        new = Talent(new_id(TALENT, at), person.ref, person.name, person.agency, minor, False, at, None)
        stated = None if release is None else self.stated_release(new, release)
        facts = {"minor": minor, "wants_every_report": wants_every_report}
        kept = self._store.talents.add(
            person.ref, person.name, agency=person.agency, talent_id=new.id, **facts
        )
        if stated is not None:
            self.keep_release(stated)
        return kept

    def stated_release(self, talent: Talent, release: Release) -> ConsentRecord:
        """The biometric consent that the release would be, not kept. Raises InvalidRecord, or UsageError when the
        document can't be read."""
        document = _release_document(release, talent.minor)
        return parse_record(document, talent_id=talent.id, consent_id=_release_id(talent, document))

    def record_release(self, talent: Talent, release: Release) -> bool:
        """Keep a biometric consent for the release; False when the same one is on record already. Raises InvalidRecord,
        UsageError."""
        return self.keep_release(self.stated_release(talent, release))

    def keep_release(self, record: ConsentRecord) -> bool:
        """The same for one that was stated before. Its id follows from its content, so the same release is never kept
        twice, whoever interrupts what."""
        if any(kept.consent_id == record.consent_id for kept in self._store.consents.list(record.talent_id)):
            return False
        self._store.consents.add(record)
        return True

    def record_consent(self, document: Document, talent: str | None) -> ConsentRecord:
        """Validate and keep a record. `talent` stands in where the document names none; either may be a
        reference or an id. Raises InvalidRecord, NotFound, Conflict, UsageError."""
        named = talent or document.get("talent_id")
        if not isinstance(named, str):
            raise UsageError(
                "the record does not say whose consent it is: give --talent, or talent_id in the file"
            )
        person = self.talent(named)
        written = {**document, "talent_id": person.id} if document.get("talent_id") == named else document
        return self._store.consents.add(self.stated_consent(written, person))

    def stated_consent(self, document: Document, talent: Talent) -> ConsentRecord:
        """The record that this document would be, not kept; a new id where it names none. Raises InvalidRecord."""
        subject = document.get("subject", {})
        written = document
        if talent.minor and isinstance(subject, dict):
            written = {**document, "subject": {**subject, "minor": True}}
        return parse_record(written, talent_id=talent.id, consent_id=_or_new(document))

    def revoke(self, consent_id: str, reason: str | None, effective_at: str | None) -> ConsentRecord:
        """Append a revoked version; `effective_at` in ISO 8601, a date alone in the record's time zone, None: now.
        Raises NotFound, Conflict, UsageError.
        """
        moment = None if effective_at is None else self._effective(consent_id, effective_at)
        return self._store.consents.revoke(consent_id, effective_at=moment, reason=reason)

    def _effective(self, consent_id: str, text: str) -> datetime:
        record = self._store.consents.get(consent_id)
        zone = zone_of(record.duration.timezone) if record.duration else UTC
        try:
            return first_instant(parse_day_or_moment(text), zone)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def consent_row(self, record: ConsentRecord, at: datetime | None = None) -> Row:
        """One record as plain values, with its status as of `at` (now if not given)."""
        talent = self._store.talents.get(record.talent_id)
        return {**summary(record, at or self._clock()), "talent_ref": talent.ref, "talent_id": talent.id}

    def consent_rows(self, talent: str | None, as_of: str | None = None) -> list[Row]:
        """The newest version of every record, of one talent or all."""
        at = self.moment(as_of)
        records = self._store.consents.list(self.talent(talent).id if talent else None)
        refs = self._store.talents.refs([record.talent_id for record in records])
        return [
            {**summary(record, at), "talent_ref": refs[record.talent_id], "talent_id": record.talent_id}
            for record in current(records)
        ]

    def consent_versions(self, consent_id: str) -> list[Row]:
        """Every version of one record in full, oldest first, each with what `summary` says of it."""
        newest = self._store.consents.get(consent_id)
        versions = [
            record
            for record in self._store.consents.list(newest.talent_id)
            if record.consent_id == consent_id
        ]
        return [
            {
                **summary(record, self._clock(), superseded=record.version < newest.version),
                "record": record.model_dump(mode="json"),
            }
            for record in versions
        ]

    def moment(self, text: str | None) -> datetime:
        """A moment a person wrote, now for None. Raises UsageError."""
        try:
            return self._clock() if text is None else parse_moment(text)
        except ValueError as error:
            raise UsageError(str(error)) from error


def _or_new(document: Document) -> str | None:
    return None if "consent_id" in document else new_consent_id()


def _standing(record: ConsentRecord) -> StandingRelease:
    """Enrolment's view of a signed record: it begins with its signature, or its term where that is later."""
    begins = (moment for moment in (record.form.signed_at, record.starts_at) if moment is not None)
    return StandingRelease(max(begins), record.ends_at)


def _release_document(release: Release, minor: bool) -> Document:
    grantor = {"role": "guardian", "name": release.guardian} if minor else {"role": "self"}
    return {
        "kind": "biometric_enrolment",
        "subject": {"minor": minor},
        "grantor": {name: value for name, value in grantor.items() if value},
        "form": {"signed_at": release.signed_at, **_paper(release.document)},
        "privacy": {"retention_until": release.retain_until} if release.retain_until else {},
    }


def _paper(document: str | None) -> Document:
    if document is None:
        return {}
    if is_digest(document):
        return {"document_sha256": document.lower()}
    return {"document": Path(document).name, "document_sha256": digest_of(Path(document))}


def _release_id(talent: Talent, document: Document) -> str:
    """The same release of the same talent always gets the same id."""
    canonical = repr((talent.id, sorted(document["form"].items()), sorted(document["privacy"].items())))
    return f"rel_{hashlib.sha256(canonical.encode()).hexdigest()[:20]}"
