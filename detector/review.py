"""What a person may decide on a finding, and after what. Pure; the store and the pages ask it.

    open ─┬▶ confirmed ─▶ take_down_sent ─▶ resolved
          ├▶ wrong_person             nobody registered after all: the same picture is not brought up again
          ├▶ authorised_out_of_band   allowed by a document that is not on record here
          └▶ escalated                somebody else is to decide

A conclusion may be corrected, with a note that says why. `suppressed` is a finding that repeats one which a person
called benign: it waits in no queue, and may be decided on like an open one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from detector.errors import OutcomeNotAllowed, UsageError

NOTE_LIMIT, DOCUMENT_LIMIT = 2000, 300
"""Characters that a note, and the name of a document, may have."""


class ReviewState(StrEnum):
    """Where a finding stands: two beginnings, then the outcome that was decided last."""

    OPEN = "open"
    SUPPRESSED = "suppressed"
    CONFIRMED = "confirmed"
    WRONG_PERSON = "wrong_person"
    AUTHORISED_OUT_OF_BAND = "authorised_out_of_band"
    ESCALATED = "escalated"
    TAKE_DOWN_SENT = "take_down_sent"
    RESOLVED = "resolved"


_R = ReviewState

BEGINNINGS = frozenset({_R.OPEN, _R.SUPPRESSED})
"""States that nobody decides on: a finding begins in one of them."""

BENIGN = frozenset({_R.WRONG_PERSON, _R.AUTHORISED_OUT_OF_BAND})
"""Outcomes after which the same picture, found again, is not brought up again."""

PENDING = frozenset({_R.OPEN, _R.ESCALATED, _R.CONFIRMED, _R.TAKE_DOWN_SENT})
"""States in which somebody still has something to do."""

_FIRST = frozenset({_R.CONFIRMED, _R.WRONG_PERSON, _R.AUTHORISED_OUT_OF_BAND, _R.ESCALATED})

ALLOWED: dict[ReviewState, frozenset[ReviewState]] = {
    _R.OPEN: _FIRST,
    _R.SUPPRESSED: _FIRST,
    _R.ESCALATED: _FIRST - {_R.ESCALATED},
    _R.CONFIRMED: frozenset({_R.TAKE_DOWN_SENT, _R.RESOLVED}) | (_FIRST - {_R.CONFIRMED}),
    _R.TAKE_DOWN_SENT: frozenset({_R.RESOLVED}) | (_FIRST - {_R.CONFIRMED}),
    _R.WRONG_PERSON: frozenset({_R.CONFIRMED, _R.ESCALATED}),
    _R.AUTHORISED_OUT_OF_BAND: frozenset({_R.CONFIRMED, _R.ESCALATED, _R.WRONG_PERSON}),
    _R.RESOLVED: frozenset({_R.ESCALATED}),
}
"""What may follow each state. A take-down only after a confirmation; what is resolved is opened again by escalating."""

_CORRECTIONS = frozenset(
    {(_R.CONFIRMED, benign) for benign in BENIGN}
    | {(_R.TAKE_DOWN_SENT, benign) for benign in BENIGN}
    | {(benign, after) for benign in BENIGN for after in ALLOWED[benign]}
    | {(_R.RESOLVED, _R.ESCALATED)}
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person decides. `document` names what authorises the use, `document_sha256` is its digest in hex."""

    outcome: ReviewState
    note: str | None = None
    document: str | None = None
    document_sha256: str | None = None


def require_allowed(before: ReviewState, judgement: Judgement) -> Judgement:
    """The judgement with its texts trimmed. Raises OutcomeNotAllowed where it can't follow `before`, UsageError where
    it lacks what it needs."""
    outcome = judgement.outcome
    if outcome not in ALLOWED[before]:
        possible = ", ".join(sorted(ALLOWED[before]))
        raise OutcomeNotAllowed(
            f"a finding that is {before} can't become {outcome}; it can become {possible}"
        )
    note = _text(judgement.note, "note", NOTE_LIMIT)
    document = _text(judgement.document, "document", DOCUMENT_LIMIT)
    if (before, outcome) in _CORRECTIONS and note is None:
        raise UsageError(f"a note must say why what was {before} becomes {outcome}")
    return Judgement(outcome, note, document, _digest(outcome, document, judgement.document_sha256))


def needs_note(before: ReviewState, outcome: ReviewState) -> bool:
    """Whether this step corrects what somebody concluded, so that a note must say why."""
    return (before, outcome) in _CORRECTIONS


def _digest(outcome: ReviewState, document: str | None, sha256: str | None) -> str | None:
    authorises = outcome is ReviewState.AUTHORISED_OUT_OF_BAND
    if authorises and document is None:
        raise UsageError("authorised_out_of_band needs the document that authorises the use: give its name")
    if not authorises and (document is not None or sha256 is not None):
        raise UsageError(
            f"a document belongs to authorised_out_of_band, not to {outcome}; say it in the note"
        )
    digest = (sha256 or "").strip().lower()
    if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UsageError("document_sha256 is no SHA-256: give its 64 hexadecimal digits")
    return digest or None


def _text(text: str | None, what: str, limit: int) -> str | None:
    cleaned = (text or "").strip()
    if len(cleaned) > limit:
        raise UsageError(f"the {what} has {len(cleaned)} characters; {limit} are the most")
    lines = {"\n", "\t"} if what == "note" else set()
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in lines for sign in cleaned):
        raise UsageError(f"the {what} holds a control character; write it as plain text")
    return cleaned or None
