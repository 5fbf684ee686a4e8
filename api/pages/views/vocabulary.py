"""Words for the pages of consents: how a term is typed, what the kinds of records and the choices are called. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from detector.terms import ConsentKind, GrantorRole, PayUnit, Renewal
from detector.use import Medium


class Entry(StrEnum):
    """How a term is typed. LINES: one to a line; WORDS and CHOICES: the same, or "any"; MAYBE: yes, no or unsaid."""

    TEXT = "text"
    LONG = "long"
    LINES = "lines"
    CODES = "codes"
    WORDS = "words"
    CHOICES = "choices"
    SOME = "some"
    SELECT = "select"
    FLAG = "flag"
    MAYBE = "maybe"
    DAY = "day"
    MOMENT = "moment"


_HOW = {
    Entry.LINES: "One to a line.",
    Entry.WORDS: "One to a line, or tick “any”.",
    Entry.CODES: "Blanks between them.",
}

Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Term:
    """One term. `path` is its place in the record's document, and the name of its field."""

    path: str
    label: str
    explains: str
    entry: Entry = Entry.TEXT
    options: tuple[Option, ...] = ()
    example: str = ""

    @property
    def how(self) -> str:
        """How it is typed, where that does not go without saying."""
        return _HOW.get(self.entry, "")


@dataclass(frozen=True, slots=True)
class Section:
    """Terms that belong together. `kinds`: the records that have them; `folded`: seldom needed."""

    name: str
    title: str
    lede: str
    terms: tuple[Term, ...]
    kinds: frozenset[ConsentKind] = frozenset(ConsentKind)
    folded: bool = False


KINDS: Mapping[ConsentKind, tuple[str, str]] = {
    ConsentKind.PHOTO_USE: (
        "Use of photographs",
        "The client may use photographs of the talent, as they are or routinely edited.",
    ),
    ConsentKind.AI_EDIT: ("AI edits", "The client may change photographs of the talent by AI."),
    ConsentKind.REPLICA_CREATE: (
        "Making a replica",
        "The client may have a digital replica made; to use it takes a consent of its own.",
    ),
    ConsentKind.REPLICA_USE: ("Use of a replica", "The client may use a digital replica of the talent."),
    ConsentKind.TRAINING: (
        "Training",
        "Pictures of the talent may be learnt from; this allows no use of the likeness.",
    ),
    ConsentKind.BIOMETRIC_ENROLMENT: (
        "Biometric release",
        "We may keep a template of the talent's face, so that they can be recognised and protected; it allows no use.",
    ),
}
"""Every kind: what it is called, and what it allows."""

ROLES: tuple[Option, ...] = (
    (GrantorRole.SELF, "The talent"),
    (GrantorRole.GUARDIAN, "A guardian, for a minor"),
    (GrantorRole.ESTATE, "The estate, for somebody who has died"),
    (GrantorRole.AGENT, "An agent under a power of attorney"),
)
UNITS: tuple[Option, ...] = (
    ("", "–"),
    (PayUnit.FLAT, "once, flat"),
    (PayUnit.HOUR, "per hour"),
    (PayUnit.IMAGE, "per image"),
    (PayUnit.MONTH, "per month"),
    (PayUnit.ROYALTY, "royalty, in percent"),
)
RENEWALS: tuple[Option, ...] = (
    (Renewal.NONE, "It ends"),
    (Renewal.AFFIRMATIVE, "It may be renewed, if the talent says yes again"),
)
MEDIA: tuple[Option, ...] = (
    (Medium.ECOMMERCE, "Online shop"),
    (Medium.SOCIAL_ORGANIC, "Social media, own posts"),
    (Medium.SOCIAL_PAID, "Social media, paid"),
    (Medium.PRINT, "Print"),
    (Medium.OOH, "Posters, out of home"),
    (Medium.TV, "Television"),
    (Medium.RUNWAY, "Runway"),
    (Medium.INTERNAL, "Internal"),
)


def kind_of(text: str) -> ConsentKind | None:
    """The kind with this code; None for anything else."""
    return ConsentKind(text) if text in set(ConsentKind) else None
