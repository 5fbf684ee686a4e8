"""Does one consent record cover one use? Each term of the record answers yes, no, or "that depends on what is
unknown".

    record × case ─ assess ─▶ Assessment: terms that fail, terms nobody can tell, disclosures that are due

`detector.dating` asks when, `detector.scoping` who, where and for what; here it is asked whether the record
counts at all and grants this sort of use. `detector.consent` turns the assessments of all records into one
verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.case import Answer, Case, Ground, Limb, Term, fits_client
from detector.dating import date_terms
from detector.decision import Reason
from detector.record import DEFECTS, REPLICA_KINDS, ConsentRecord, defects
from detector.scoping import disclosures, making_terms, use_terms
from detector.terms import ConsentKind, GrantorRole


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one record came to. It covers the use when no term fails and none is unknown."""

    record: ConsentRecord
    limb: Limb
    terms: tuple[Term, ...]
    disclosures: tuple[Reason, ...]

    @property
    def failing(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.answer is Answer.FAILS)

    @property
    def unknown(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.answer is Answer.UNKNOWN)

    @property
    def covers(self) -> bool:
        return not self.failing and not self.unknown

    @property
    def ground(self) -> Ground | None:
        """The first ground, in the order of the table, of those on which it fails."""
        return min((term.ground for term in self.failing), key=lambda ground: ground.order, default=None)

    @property
    def distance(self) -> tuple[bool, bool, int, int, int]:
        """How far it is from covering, nearest first: a record for this client before any other, one that
        grants use before one that does not, then the fewest failing terms, then the table's order."""
        codes = {term.code for term in self.failing}
        grounds = {term.ground for term in self.failing}
        order = self.ground.order if self.ground else -1
        return (
            "client_outside" in codes,
            Ground.NOT_GRANTED in grounds,
            len(self.failing),
            len(self.unknown),
            order,
        )


def limb_of(record: ConsentRecord) -> Limb | None:
    """Of which sort of picture a record speaks; None when it grants no use at all."""
    if record.kind is ConsentKind.PHOTO_USE:
        return Limb.PHOTO
    return Limb.REPLICA if record.kind in REPLICA_KINDS else None


def assess(record: ConsentRecord, case: Case, limb: Limb, *, conflicting: bool = False) -> Assessment:
    """Ask every term of the record of this use. `conflicting`: another record claims to be the same
    version."""
    terms = (
        *_standing(record, case, conflicting=conflicting),
        _grant(record, case),
        *date_terms(record, case, limb),
        *use_terms(record, case, limb),
    )
    return Assessment(record, limb, terms, disclosures(record, case) if limb is Limb.REPLICA else ())


def creations(records: Iterable[ConsentRecord], case: Case) -> tuple[ConsentRecord, ...]:
    """Those of the records that count and allowed somebody to make this replica for this client: none whose own terms
    exclude the asset, campaign, product, tool or way of making it."""
    return tuple(
        record
        for record in records
        if record.kind is ConsentKind.REPLICA_CREATE
        and fits_client(record, case)
        and all(term.answer is Answer.HOLDS for term in _standing(record, case, conflicting=False))
        and not any(term.answer is Answer.FAILS for term in making_terms(record, case))
    )


def _standing(record: ConsentRecord, case: Case, *, conflicting: bool) -> list[Term]:
    found = [_defect(code, f"The record is void: {DEFECTS[code]}.") for code in _void(record, case)]
    if conflicting:
        found.append(_defect("conflicting_version", "Two different records claim to be this version."))
    if record.suspended(case.now):
        found.append(Term("suspended", Answer.UNKNOWN, Ground.SUSPENDED, "The record is under dispute."))
    return found


def _defect(code: str, detail: str) -> Term:
    return Term(code, Answer.FAILS, Ground.DEFECTIVE, detail)


def _void(record: ConsentRecord, case: Case) -> tuple[str, ...]:
    found = set(defects(record))
    if case.minor and record.grantor.role is not GrantorRole.GUARDIAN:
        found.add("guardian_missing")
    return tuple(sorted(found))


def _grant(record: ConsentRecord, case: Case) -> Term:
    """Whether this kind of record grants the use of such a picture at all."""
    if record.kind is ConsentKind.REPLICA_CREATE:
        detail = "The record lets the client make a replica, not use it."
        return Term("use_not_granted", Answer.FAILS, Ground.NOT_GRANTED, detail)
    if record.kind is not ConsentKind.AI_EDIT or case.edited:
        return Term("covered", Answer.HOLDS, Ground.NOT_GRANTED)
    if case.edited is None:
        detail = (
            "The record grants AI edits of photographs; it is unknown whether this is one or was generated."
        )
        return Term("synthetic_unknown", Answer.UNKNOWN, Ground.NOT_GRANTED, detail)
    detail = "The record grants AI edits of photographs, not a generated replica."
    return Term("edit_only", Answer.FAILS, Ground.NOT_GRANTED, detail)
