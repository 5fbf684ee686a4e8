"""When: whether a use lies inside a record's dates, as far as its own dates are known.

A use has two moments: when it was published, and until when it went on. The first is bounded by the dates
that are known; of the second only the last sighting is, so once a term has ended nobody can tell whether the
use ended with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from detector.case import Answer, Case, Ground, Limb, Term
from detector.moments import first_instant, last_instant, said, zone_of
from detector.record import ConsentRecord
from detector.use import Moment


def date_terms(record: ConsentRecord, case: Case, limb: Limb) -> list[Term]:
    """The terms of the record that speak of dates."""
    if record.duration is not None:
        case = replace(case, zone=zone_of(record.duration.timezone))
    asked = [_revocation(record, case), _signature(record, case), _start(record, case), _end(record, case)]
    if limb is Limb.REPLICA:
        asked.append(_making_date(record, case))
    return [term for term in asked if term is not None]


def _since(moment: datetime, case: Case) -> Answer:
    """Whether the picture was published at that moment or later."""
    if case.latest is not None and case.latest < moment:
        return Answer.FAILS
    if case.earliest is not None and moment <= case.earliest:
        return Answer.HOLDS
    return Answer.UNKNOWN


def _over_by(moment: datetime, case: Case) -> Answer:
    """Whether the picture was published by that moment and is known not to be in use after it. Having last
    been seen earlier proves nothing once the moment has passed: the picture may still be there."""
    after = [known for known in (case.earliest, case.seen) if known is not None]
    if any(moment < known for known in after):
        return Answer.FAILS
    if case.now <= moment and case.latest is not None:
        return Answer.HOLDS
    return Answer.UNKNOWN


def _begun(answer: Answer, failed: Term, depends: str) -> Term:
    """The term for a question of when the picture was published."""
    if answer is Answer.UNKNOWN:
        detail = f"When the picture was published is not certain; {depends}."
        return Term("published_at_unknown", answer, failed.ground, detail)
    return replace(failed, answer=answer)


def _over(answer: Answer, failed: Term, depends: str, case: Case) -> Term:
    """The term for a question of when its use was over; that is open even where the publication is known."""
    if answer is not Answer.UNKNOWN or case.latest is None:
        return _begun(answer, failed, depends)
    detail = f"Whether the picture is still in use is unknown; {depends}."
    return Term("still_online_unknown", answer, failed.ground, detail)


def _revocation(record: ConsentRecord, case: Case) -> Term | None:
    effective = record.life.effective_at
    if effective is None:
        return None
    detail = f"The consent was revoked from {said(effective)}; the picture was published or seen after."
    failed = Term("revoked", Answer.FAILS, Ground.REVOKED, detail)
    answer = _over_by(effective - timedelta(microseconds=1), case)
    return _over(answer, failed, f"the consent was revoked from {said(effective)}", case)


def _signature(record: ConsentRecord, case: Case) -> Term:
    signed = record.form.signed_at
    if signed is None:
        return Term("not_signed", Answer.FAILS, Ground.NOT_PRIOR, "The record was never signed.")
    detail = f"The consent was signed on {said(signed)}, after the picture was published."
    failed = Term("not_prior", Answer.FAILS, Ground.NOT_PRIOR, detail)
    return _begun(_since(signed, case), failed, f"the consent was signed on {said(signed)}")


def _start(record: ConsentRecord, case: Case) -> Term | None:
    start = record.starts_at
    if start is None:
        return None
    detail = f"The consent begins on {said(start)}, after the picture was published."
    failed = Term("before_term", Answer.FAILS, Ground.TOO_EARLY, detail)
    return _begun(_since(start, case), failed, f"the consent begins on {said(start)}")


def _end(record: ConsentRecord, case: Case) -> Term | None:
    end = record.ends_at
    if end is None:
        return None
    detail = f"The consent ended on {said(end)}, and the picture was published or seen after that."
    failed = Term("after_term", Answer.FAILS, Ground.TOO_LATE, detail)
    return _over(_over_by(end, case), failed, f"the consent ends on {said(end)}", case)


def _making_date(record: ConsentRecord, case: Case) -> Term | None:
    """A replica needs consent before it is made: by this record, or by one that allowed the client to make
    it."""
    signed, made = record.form.signed_at, case.use.made_at
    if signed is None:
        return None
    begun = None if made is None else first_instant(made, case.zone)
    if made is None or begun is None or (case.latest is not None and case.latest < begun):
        detail = f"When the replica was made is unknown; the consent was signed on {said(signed)}."
        return Term("made_at_unknown", Answer.UNKNOWN, Ground.NOT_PRIOR, detail)
    if signed <= begun or any(_allowed_making(creation, made, case) for creation in case.creations):
        return Term("not_prior", Answer.HOLDS, Ground.NOT_PRIOR)
    if signed <= last_instant(made, case.zone):
        detail = f"The consent was signed on {said(signed)}, the day the replica was made; which was first is unknown."
        return Term("made_at_unknown", Answer.UNKNOWN, Ground.NOT_PRIOR, detail)
    detail = f"The consent was signed on {said(signed)}, after the replica was made ({said(made)})."
    return Term("not_prior", Answer.FAILS, Ground.NOT_PRIOR, detail)


def _allowed_making(creation: ConsentRecord, day: Moment, case: Case) -> bool:
    made, until = first_instant(day, case.zone), last_instant(day, case.zone)
    signed, start, end = creation.form.signed_at, creation.starts_at, creation.ends_at
    effective = creation.life.effective_at
    begun = signed is not None and signed <= made and start is not None and start <= made
    return begun and (end is None or until <= end) and (effective is None or until < effective)
