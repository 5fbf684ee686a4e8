"""The stable codes of a decision: the qualifiers behind a verdict's colon, and the reasons it gives.

Every code that `detector.consent` can utter stands here with its meaning, and in docs/consent.md; tests hold
all three to each other."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from detector.decision import Reason
from detector.matches import Doubt
from detector.record import DEFECTS


class Qualifier(StrEnum):
    """What stands behind the colon of a verdict. A row-3 review is qualified by its first `Doubt` instead."""

    CLIENT_UNKNOWN = "client_unknown"
    ROUTINE_EDIT = "routine_edit"
    PHOTO_LICENCE_ONLY = "photo_licence_only"
    USE_NOT_GRANTED = "use_not_granted"
    DEFECTIVE_RECORD = "defective_record"
    NOT_PRIOR = "not_prior"
    DISCLOSURE_MISSING = "disclosure_missing"
    DISCLOSURE_UNPROVEN = "disclosure_unproven"
    DATE_UNKNOWN = "date_unknown"
    USE_UNKNOWN = "use_unknown"
    SUSPENDED = "suspended"


DATE_CODES = frozenset({"published_at_unknown", "made_at_unknown", "still_online_unknown"})
"""Reasons that only a date would settle (row 20, `date_unknown`)."""

SCOPED = ("asset", "campaign", "product", "medium", "alteration", "purpose", "territory")
"""What a record must state; each yields `_outside`, `_unknown` (of the use) and `_unstated` (by the
record)."""

LIMITED = ("tool", "generation", "digital_source_type")
"""What a record may limit; each yields `_outside` and `_unknown`."""

_FAMILIES: Mapping[str, str] = {
    **{
        f"{name}_outside": f"the use's {name} is outside what the record grants"
        for name in (*SCOPED, *LIMITED)
    },
    **{
        f"{name}_unknown": f"the record limits the {name} and the use's is unknown"
        for name in (*SCOPED, *LIMITED)
    },
    **{f"{name}_unstated": f"the record does not say which {name} it grants" for name in SCOPED},
}

REASON_CODES: Mapping[str, str] = {
    **{str(doubt): f"the match is in doubt: {doubt.replace('_', ' ')}" for doubt in Doubt},
    **DEFECTS,
    **_FAMILIES,
    "no_usable_face": "there is neither a usable face nor a copy of a reference",
    "below_threshold": "no registered talent reached the threshold",
    "talent_unknown": "the matched talent is not in the consent book",
    "talent_erased": "the talent was erased",
    "no_biometric_consent": "the talent holds no biometric consent at that moment",
    "client_unknown": "who used the picture is unknown, and its domain is no client's on record",
    "client_from_domain": "the client was told by the domain the picture was published on",
    "client_outside": "the client is neither the grantee nor an affiliate",
    "client_ambiguous": "the domain belongs to the grantee and to others too; whose use it is, is unknown",
    "sublicence_unproven": "the record allows sub-licences and does not name this client",
    "covered": "a consent record covers the use",
    "nothing_on_record": "no signed record grants this kind of use to anybody",
    "photo_licence_only": "only ordinary photographs were granted",
    "use_not_granted": "making a replica was granted, using it was not",
    "edit_only": "AI edits of photographs were granted, a generated replica was not",
    "synthetic_unknown": "it is unknown whether this is an edited photograph or generated",
    "as_replica": "the picture is judged as a digital replica",
    "limb_unsure": "it is unknown whether this is a photograph or a replica: judged as both",
    "limb_photo": "the verdict is that of an ordinary photograph",
    "limb_replica": "the verdict is that of a digital replica",
    "revoked": "the consent was revoked with effect before the use, or before it ended",
    "not_prior": "the consent was signed after the picture was published or made",
    "before_term": "the use began before the consent's term",
    "after_term": "the use began, or went on, after the consent's term",
    "published_at_unknown": "the answer depends on when the picture was published",
    "made_at_unknown": "the answer depends on when the replica was made",
    "still_online_unknown": "the answer depends on whether the picture is still in use",
    "either_answer": "what the answer would be either way",
    "label_missing": "the record requires a label and there is none",
    "label_unknown": "the record requires a label and nobody said whether there is one",
    "c2pa_missing": "the record requires C2PA credentials and there are none",
    "c2pa_unknown": "the record requires C2PA credentials and it is not proven that there are any",
    "suspended": "the record is under dispute",
    "conflicting_version": "two different records claim to be this version",
    "superseded": "a newer version of this consent is on record",
    "not_signed": "the record was not signed at that moment",
    "other_talent": "the record is another talent's",
    "other_kind": "a record of this kind grants no use",
    "other_limb": "the record does not speak of pictures of this sort",
}
"""Every reason code and what it means."""


def meaning(code: str) -> Reason:
    """A reason that needs no particulars."""
    text = REASON_CODES[code]
    return Reason(code, f"{text[0].upper()}{text[1:]}.")
