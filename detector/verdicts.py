"""From the matches of one picture to its decisions under one use: which evidence is put to the rules, and as what.

    matches, what the file says, use ─ Judge ─▶ Evidence ─ detector.consent.decide ─▶ Decision

A face inside a copy is judged as that copy. A reference that a generated picture says it was made from is judged as a
replica of its talent, whoever the picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from detector.batch_book import BatchBook
from detector.consent import SYNTHETIC, decide
from detector.credentials.claims import Credentials, Ingredient
from detector.decision import Decision, Evidence
from detector.finding import IngredientFinding
from detector.matches import Band, CopyClass, CopyMatch, Doubt, FaceMatch, Matches, ScoredCandidate
from detector.origin import THE_REFERENCE_ITSELF, Origin, origin_of, proven_use
from detector.use import SyntheticClass, Use

_REMAINING = frozenset({Doubt.CONTESTED, Doubt.WEAK})
"""Doubts of a face that a copy of its talent's reference does not settle."""


class _Measured(TypedDict):
    signal: str | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns the matches of one picture into decisions under one use. `use` is what is claimed; the rules get it with
    what the file proves (`detector.origin.proven_use`)."""

    use: Use
    book: BatchBook
    clients: tuple[str, ...]
    matches: Matches
    credentials: Credentials | None = None

    def face(self, place: int) -> Decision:
        """A face that is in a proven copy of its talent's reference is judged as that copy, unless another face of the
        picture may be the same talent: then something was added to the copy, and a human looks."""
        found = self.matches.faces[place]
        likely = found.assigned or _disputed(found)
        talent = likely.talent_id if likely else None
        copied = next((copy for copy in self.matches.copies if _holds_face(copy, talent, place)), None)
        if copied is not None and (
            copied.copy_class is CopyClass.EXACT or not _REMAINING.intersection(found.doubts)
        ):
            return self.copy(copied)
        origin = self._origin_beside()
        evidence = Evidence(
            usable=found.usable,
            matched=talent is not None,
            doubts=found.doubts,
            synthetic=origin.made,
            synthetic_source=origin.source,
            **self._measured(likely),
        )
        return self._decide(evidence, talent)

    def copy(self, found: CopyMatch) -> Decision:
        """The picture, or part of it, is this reference."""
        origin = origin_of(self.use, self.credentials, found.copy_class)
        evidence = Evidence(
            usable=True,
            matched=True,
            doubts=_doubts(found),
            copy_class=found.copy_class,
            reference_id=found.reference_id,
            synthetic=origin.made,
            synthetic_source=origin.source,
            **self._measured(found),
        )
        return self._decide(evidence, found.talent_id)

    def ingredient(self, place: int, ingredient: Ingredient, found: CopyMatch) -> IngredientFinding | None:
        """The file says that it was made from a picture that is this reference. None where it is no AI that made it:
        then what became of the reference shows as a copy."""
        origin = self._origin_beside()
        if origin.made not in SYNTHETIC:
            return None
        evidence = Evidence(
            usable=True,
            matched=True,
            doubts=_doubts(found),
            reference_id=found.reference_id,
            synthetic=origin.made,
            synthetic_source=f"{origin.source}; made from reference {found.reference_id}",
            **self._measured(found),
        )
        return IngredientFinding(place, ingredient, found, self._decide(evidence, found.talent_id))

    def nothing(self) -> Decision:
        """The decision on a picture with neither face nor copy."""
        return self._decide(Evidence(usable=False, matched=False), None)

    def _origin_beside(self) -> Origin:
        """What a face without a copy of its own is known to be made by, also from the copies beside it: a picture
        that is the photograph of a reference is one for everybody in it, and a changed one is for nobody."""
        classes = {copy.copy_class for copy in self.matches.copies}
        known = origin_of(self.use, self.credentials, beside=classes)
        if CopyClass.ALTERED in classes and known.made is SyntheticClass.CAPTURED:
            return Origin(SyntheticClass.UNKNOWN, "declared captured, and a face or body was changed")
        if known.made is SyntheticClass.UNKNOWN and classes & THE_REFERENCE_ITSELF:
            return Origin(SyntheticClass.CAPTURED, "the picture is the photograph of a reference")
        return known

    def _measured(self, found: ScoredCandidate | CopyMatch | None) -> _Measured:
        """The signal behind a match and the threshold applied to it, so that the decision names both."""
        if found is None:
            return {"signal": None, "threshold": None}
        name = str(found.signal)
        return {"signal": name, "threshold": self.matches.thresholds.get(name)}

    def _decide(self, evidence: Evidence, talent_id: str | None) -> Decision:
        standing = self.book.standing.get(talent_id) if talent_id else None
        records = self.book.records.get(talent_id, ()) if talent_id else ()
        use = proven_use(self.use, self.credentials)
        return decide(evidence, use, records, standing, self.book.at, self.clients)


def _doubts(found: CopyMatch) -> tuple[Doubt, ...]:
    return () if found.band is Band.MATCH else (Doubt.WEAK,)


def _holds_face(copy: CopyMatch, talent_id: str | None, place: int) -> bool:
    """Whether this copy speaks for a face of the picture: it is its talent's, it is no mere hint, and where geometry
    knows the reference's face to be, there this one is. A face beside a copy is not in it."""
    if copy.talent_id != talent_id or copy.copy_class is None:
        return False
    if copy.proof is None:
        return copy.band is Band.MATCH
    firm = copy.band is Band.MATCH or copy.copy_class is not CopyClass.ALTERED
    return firm and copy.proof.face_at == place


def _disputed(found: FaceMatch) -> ScoredCandidate | None:
    """The talent that a face would have been given, had another face of the picture not shown them better."""
    first = next(iter(found.candidates), None)
    return first if first and first.band is Band.MATCH and Doubt.CONTESTED in found.doubts else None
