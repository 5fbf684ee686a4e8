"""The decision: one match under one use, judged by all consent records of the talent. Pure, total, and dated.

    evidence, use, records, talent, at ─ rows 1 to 6 ─▶ as a photograph and/or a replica ─▶ Decision

The rows are those of the decision table in docs/consent.md, and the first that fits decides, with one
exception that protects the talent: row 4 (erased, or no biometric consent) is asked before row 3, so that not
even a doubtful match names somebody whose template may not be used. A picture of unknown origin that copies
nothing is judged both ways and must be covered both ways. Among several records any that covers is enough; an
unknown that may still turn out well comes next; else the record nearest to covering speaks, naming every term
on which it fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from detector.case import Case, Ground, Limb, Term, owns_host
from detector.considered import Book, book_of, considered, look, place
from detector.coverage import Assessment, assess, creations, limb_of
from detector.decision import Considered, Decision, Evidence, Reason, Severity, TalentStanding, Verdict
from detector.inputs import Inputs
from detector.matches import CopyClass
from detector.moments import aware
from detector.reasons import DATE_CODES, Qualifier, meaning
from detector.record import USE_KINDS, ConsentRecord, ConsentStatus, Place, defects, status
from detector.terms import ConsentKind, GrantorRole, fold, host_in
from detector.use import Moment, SyntheticClass, Use

SYNTHETIC = frozenset({SyntheticClass.AI_EDITED, SyntheticClass.AI_GENERATED})

UNFLAGGED = frozenset({Verdict.NOT_APPLICABLE, Verdict.NO_MATCH, Verdict.AUTHORISED})


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What a row of the table came to, before it is dated and signed with the hash of its inputs."""

    row: int
    verdict: Verdict
    qualifier: str | None
    severity: Severity
    reasons: tuple[Reason, ...]
    considered: tuple[Considered, ...] = ()

    @property
    def badness(self) -> tuple[int, int]:
        return (self.severity.rank, self.verdict.rank)


def decide(
    evidence: Evidence,
    use: Use,
    records: Sequence[ConsentRecord],
    talent: TalentStanding | None,
    at: datetime,
    clients_of_domain: Sequence[str] = (),
) -> Decision:
    """The verdict on one match under one use, as of `at`.

    `records` are all versions of all consents of the talent, in any order; `talent` is None when nobody was
    matched; `clients_of_domain` are the clients known to own `use.domain`. Never raises and reads no clock;
    moments without a time zone are read as UTC."""
    now, claimed = aware(at), _dated_use(use)
    ruling = _rule(evidence, claimed, records, talent, now, clients_of_domain)
    return Decision(
        verdict=ruling.verdict,
        qualifier=ruling.qualifier,
        severity=ruling.severity,
        row=ruling.row,
        reasons=ruling.reasons,
        considered=ruling.considered,
        as_of=now,
        inputs_sha256=inputs_sha256(evidence, claimed, records, talent, now, clients_of_domain),
        talent_id=talent.talent_id if talent is not None else None,
        signal=evidence.signal,
        threshold=evidence.threshold,
        inputs=Inputs(evidence, claimed, tuple(records), talent, now, tuple(clients_of_domain)),
    )


def worst(decisions: Iterable[Decision]) -> Decision | None:
    """The decision that matters most: by severity, then verdict. None of none; the first of equals."""
    return max(decisions, key=lambda found: (found.severity.rank, found.verdict.rank), default=None)


def is_flag(decision: Decision) -> bool:
    """Whether somebody has to act: everything but a clean answer."""
    return decision.verdict not in UNFLAGGED


def holds_biometric(records: Sequence[ConsentRecord], at: datetime, *, minor: bool = False) -> bool:
    """Whether a biometric consent is in force: may the talent be recognised at all at that moment?

    A withdrawal (a revocation, or a request of erasure) speaks of every release signed before it, whichever record
    it is written in: only one signed afterwards counts. `minor`: the talent is one, so that a guardian must have
    signed, whatever the record says of its subject."""
    book = book_of(records, None, aware(at))
    releases = [record for record in book.counted if record.kind is ConsentKind.BIOMETRIC_ENROLMENT]
    withdrawn = max((moment for one in releases for moment in _withdrawals(one, at)), default=None)
    return any(
        _allows_template(record, at, withdrawn) and (not minor or record.grantor.role is GrantorRole.GUARDIAN)
        for record in releases
        if record not in book.conflicting
    )


def _withdrawals(record: ConsentRecord, at: datetime) -> Iterator[datetime]:
    for moment in (record.life.effective_at, record.privacy.erasure_requested_at):
        if moment is not None and moment <= aware(at):
            yield moment


def _allows_template(record: ConsentRecord, at: datetime, withdrawn: datetime | None) -> bool:
    signed = record.form.signed_at
    return (
        status(record, at) is ConsentStatus.ACTIVE
        and not defects(record)
        and (withdrawn is None or (signed is not None and withdrawn < signed))
    )


def inputs_sha256(
    evidence: Evidence,
    use: Use,
    records: Sequence[ConsentRecord],
    talent: TalentStanding | None,
    at: datetime,
    clients_of_domain: Sequence[str],
) -> str:
    """SHA-256, in hex, of everything a decision depends on, as JSON with sorted keys and no spaces. Records,
    and the clients of the domain, are sorted first, so that their order does not matter."""
    inputs = {
        "evidence": asdict(evidence),
        "use": asdict(use),
        "records": [record.model_dump(mode="json") for record in sorted(set(records), key=Place)],
        "talent": None if talent is None else asdict(talent),
        "at": at,
        "clients_of_domain": sorted(set(clients_of_domain)),
    }
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=_moment_text)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _moment_text(moment: Moment) -> str:
    """The same text for the same instant, whatever zone it is written in; of a day alone the day."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError:  # within a day of the calendar's end
        return moment.isoformat()


def _dated_use(use: Use) -> Use:
    """The use with a time zone on every moment, and a blank client as unknown."""
    return replace(
        use,
        client=use.client if fold(use.client or "") else None,
        published_at=_aware_or_none(use.published_at),
        made_at=_aware_or_none(use.made_at),
        seen_at=_aware_or_none(use.seen_at),
    )


def _aware_or_none(moment: Moment | None) -> Moment | None:
    return aware(moment) if isinstance(moment, datetime) else moment


# Rows 1 to 6: is there anybody to decide about?


def _rule(
    evidence: Evidence,
    use: Use,
    records: Sequence[ConsentRecord],
    talent: TalentStanding | None,
    now: datetime,
    clients_of_domain: Sequence[str],
) -> _Ruling:
    if not evidence.usable:
        return _nothing(1, Verdict.NOT_APPLICABLE, "no_usable_face")
    if not evidence.matched:
        return _nothing(2, Verdict.NO_MATCH, "below_threshold")
    if talent is None:
        return _nothing(4, Verdict.NO_MATCH, "talent_unknown")
    hidden = _hidden(records, talent, now)
    if hidden is not None:
        return _nothing(4, Verdict.NO_MATCH, hidden)
    if evidence.doubts:
        reasons = tuple(meaning(str(doubt)) for doubt in evidence.doubts)
        return _Ruling(3, Verdict.NEEDS_REVIEW, str(evidence.doubts[0]), Severity.LOW, reasons)
    book = book_of(records, talent.talent_id, now)
    case = _case(evidence, use, talent, now, clients_of_domain)
    case = replace(
        case, creations=creations([one for one in book.counted if one not in book.conflicting], case)
    )
    return _rule_named(case, talent, book)


def _nothing(row: int, verdict: Verdict, code: str) -> _Ruling:
    return _Ruling(row, verdict, None, Severity.NONE, (meaning(code),))


def _hidden(records: Sequence[ConsentRecord], talent: TalentStanding, now: datetime) -> str | None:
    """Why the talent may not be recognised, None when they may."""
    if talent.erased:
        return "talent_erased"
    own = [record for record in records if record.talent_id == talent.talent_id]
    return None if holds_biometric(own, now, minor=talent.minor) else "no_biometric_consent"


def _case(
    evidence: Evidence, use: Use, talent: TalentStanding, now: datetime, clients_of_domain: Sequence[str]
) -> Case:
    host = host_in(use.domain) if use.domain and use.domain.strip() else None
    named = (use.client,) if use.client is not None else tuple(clients_of_domain) if host else ()
    clients = frozenset(filter(None, map(fold, named)))
    return Case(evidence, use, talent.minor, now, clients, host)


def _rule_named(case: Case, talent: TalentStanding, book: Book) -> _Ruling:
    uses = [record for record in book.counted if record.kind in USE_KINDS]
    if talent.minor and not any(record.grantor.role is GrantorRole.GUARDIAN for record in uses):
        return _unheard(5, Verdict.NO_CONSENT, Severity.CRITICAL, "guardian_missing", book, case)
    if not case.clients and not any(owns_host(record, case.host) for record in uses):
        verdict = Verdict.NO_CONSENT if talent.wants_every_report else Verdict.NEEDS_REVIEW
        return _unheard(6, verdict, Severity.MEDIUM, "client_unknown", book, case)
    assessed = [
        assess(record, case, limb, conflicting=record in book.conflicting)
        for record in uses
        if (limb := limb_of(record)) is not None
    ]
    ruling = _by_limbs(case, assessed)
    reasons = (*_client_reasons(case), *ruling.reasons)
    return replace(ruling, reasons=reasons, considered=considered(book, assessed, _limbs(case), case.now))


def _unheard(row: int, verdict: Verdict, severity: Severity, code: str, book: Book, case: Case) -> _Ruling:
    """A ruling for which the terms of the records do not matter."""
    reason = meaning(code)
    qualifier = Qualifier.CLIENT_UNKNOWN if row == 6 else None
    heard = [look(record, case.now, (reason,)) for record in book.counted]
    looked_at = tuple(sorted((*heard, *book.left_out), key=place))
    return _Ruling(row, verdict, qualifier, severity, (reason,), looked_at)


def _client_reasons(case: Case) -> tuple[Reason, ...]:
    if case.use.client is not None:
        return ()
    named = f" ({', '.join(sorted(case.clients))})" if case.clients else ""
    return (Reason("client_from_domain", f"The client{named} was told by the domain {case.host}."),)


# Rows 7 to 20: as a photograph, as a replica, or both


def _limbs(case: Case) -> tuple[Limb, ...]:
    """Row 9: a changed, declared or known synthetic picture is a replica. Other copies, and pictures known to
    be captured, are photographs. Of anything else nobody can tell."""
    evidence = case.evidence
    altered = evidence.copy_class is CopyClass.ALTERED
    if altered or case.use.declared_ai or evidence.synthetic in SYNTHETIC:
        return (Limb.REPLICA,)
    if evidence.copy_class is not None or evidence.synthetic is SyntheticClass.CAPTURED:
        return (Limb.PHOTO,)
    return (Limb.PHOTO, Limb.REPLICA)


def _by_limbs(case: Case, assessed: Sequence[Assessment]) -> _Ruling:
    rulings = {limb: _limb_ruling(limb, case, assessed) for limb in _limbs(case)}
    if len(rulings) == 2:
        return _both(rulings[Limb.PHOTO], rulings[Limb.REPLICA])
    if Limb.REPLICA in rulings:
        ruling = rulings[Limb.REPLICA]
        return replace(ruling, reasons=(_why_replica(case), *ruling.reasons))
    return rulings[Limb.PHOTO]


def _why_replica(case: Case) -> Reason:
    if case.evidence.copy_class is CopyClass.ALTERED:
        why = "it copies a reference whose face or body was changed beyond routine edits"
    elif case.use.declared_ai:
        why = "it was declared as made or edited with AI"
    else:
        source = f", {case.evidence.synthetic_source}" if case.evidence.synthetic_source else ""
        made = case.evidence.synthetic.replace("ai_", "AI ")
        why = f"it is known to be {made}{source}"
    return Reason("as_replica", f"The picture is judged as a digital replica: {why}.")


def _both(photo: _Ruling, replica: _Ruling) -> _Ruling:
    """It is not known which: covered only if covered both ways, else the worse of the two, with its limb
    named."""
    worse = photo if photo.badness > replica.badness else replica
    unsure = Reason(
        "limb_unsure",
        "It is unknown whether this is an ordinary photograph or a digital replica: "
        f"as a photograph {_named(photo)}, as a replica {_named(replica)}.",
    )
    if photo.badness == replica.badness:
        shared = dict.fromkeys((*photo.reasons, *replica.reasons))
        return replace(worse, reasons=(unsure, *shared))
    limb = meaning("limb_photo" if worse is photo else "limb_replica")
    return replace(worse, reasons=(unsure, limb, *worse.reasons))


def _named(ruling: _Ruling) -> str:
    return f"{ruling.verdict}: {ruling.qualifier}" if ruling.qualifier else str(ruling.verdict)


def _limb_ruling(limb: Limb, case: Case, assessed: Sequence[Assessment]) -> _Ruling:
    own = sorted((found for found in assessed if found.limb is limb), key=_nearness)
    if not own:
        return _nothing_granted(limb, assessed)
    covering = [found for found in own if found.covers]
    if covering:
        return _authorised(limb, case, covering)
    hopeful = [found for found in own if not found.failing]
    if hopeful:
        return _unsettled(limb, hopeful[0])
    return _refused(limb, own[0])


def _nearness(found: Assessment) -> tuple[tuple[bool, bool, int, int, int], Place]:
    return (found.distance, Place(found.record))


def _nothing_granted(limb: Limb, assessed: Sequence[Assessment]) -> _Ruling:
    """Row 11 where photographs were granted and this is a replica, row 19 where nothing of the sort is on
    record."""
    if limb is Limb.REPLICA and assessed:
        qualifier, reason = Qualifier.PHOTO_LICENCE_ONLY, meaning("photo_licence_only")
        return _Ruling(11, Verdict.NO_CONSENT, qualifier, Severity.HIGH, (reason,))
    sort = "an ordinary photograph" if limb is Limb.PHOTO else "a digital replica"
    reason = Reason("nothing_on_record", f"No signed record grants the use of {sort} to anybody.")
    return _Ruling(19, Verdict.NO_CONSENT, None, Severity.HIGH, (reason,))


def _authorised(limb: Limb, case: Case, covering: Sequence[Assessment]) -> _Ruling:
    found = min(covering, key=lambda one: (len(one.disclosures), Place(one.record)))
    reason = Reason("covered", f"Consent {found.record.consent_id} covers this use.")
    if found.disclosures:
        missing = any(gap.code.endswith("_missing") for gap in found.disclosures)
        qualifier = Qualifier.DISCLOSURE_MISSING if missing else Qualifier.DISCLOSURE_UNPROVEN
        reasons = (reason, *found.disclosures)
        return _Ruling(17, Verdict.AUTHORISED_WITH_DEFECT, qualifier, Severity.LOW, reasons)
    if limb is Limb.PHOTO and case.evidence.copy_class is not None:
        return _Ruling(7, Verdict.AUTHORISED, Qualifier.ROUTINE_EDIT, Severity.NONE, (reason,))
    return _Ruling(18, Verdict.AUTHORISED, None, Severity.NONE, (reason,))


def _unsettled(limb: Limb, found: Assessment) -> _Ruling:
    """Row 20: the record covers the use or does not, depending on what is unknown."""
    unknown = found.unknown
    ground = min((term.ground for term in unknown), key=lambda one: one.order)
    otherwise = f"{ground.verdict}: {ground.qualifier}" if ground.qualifier else str(ground.verdict)
    which = Reason(
        "either_answer",
        f"Under consent {found.record.consent_id} it is authorised if that turns out well, else {otherwise}.",
    )
    reasons = (*(term.reason for term in unknown), which)
    return _Ruling(20, Verdict.NEEDS_REVIEW, _unsettled_by(unknown), Severity.MEDIUM, reasons)


def _unsettled_by(unknown: Sequence[Term]) -> Qualifier:
    if any(term.ground is Ground.SUSPENDED for term in unknown):
        return Qualifier.SUSPENDED
    dates = all(term.code in DATE_CODES for term in unknown)
    return Qualifier.DATE_UNKNOWN if dates else Qualifier.USE_UNKNOWN


def _refused(limb: Limb, found: Assessment) -> _Ruling:
    """The record nearest to covering, on the first ground of the table, with every term on which it fails."""
    failing = sorted(found.failing, key=lambda term: (term.ground.order, term.code))
    ground = failing[0].ground
    reasons = tuple(
        Reason(term.code, f"Consent {found.record.consent_id}: {term.detail}") for term in failing
    )
    return _Ruling(ground.rows[limb], ground.verdict, ground.qualifier, ground.severity, reasons)
