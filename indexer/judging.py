"""Judging one picture as a reference: pure rules, from the release to the likeness to other talents.

    release ─▶ the same file? ─▶ one clear face ─▶ good enough? ─▶ near-duplicate? ─▶ whose face is it most
    like?

Every rule gives an `Objection` or nothing. The overridable ones yield to a caller who confirms: a person has
looked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from detector.candidates import CopyCandidate, FaceCandidate
from detector.matching import MatchPolicy
from detector.signals import Box, Face, SignalKind

CODES: Mapping[str, str] = {
    "no_release": "the talent signed no biometric release that holds now",
    "release_expired": "the picture may not be kept any longer by the release",
    "duplicate_picture": "the same file is a reference of this talent already; nothing was changed",
    "picture_of_another_talent": "the same file is a reference of another talent",
    "no_face": "no face was found",
    "no_face_in_box": "no face was found where the chosen box is",
    "several_faces": "more than one clear face; choose one by its box",
    "low_quality": "the face is not good enough; the fault follows, as in low_quality_too_small",
    "near_duplicate": "a reference of this talent shows the same photograph",
    "closer_to_another_talent": "the face is more like another talent than like this one",
    "inconsistent": "the face is as unlike the talent's other references as a stranger's",
    "most_prominent": "there are other clear faces, and the far most prominent one was taken",
    "unlike_references": "the face is rather unlike the talent's other references",
}
"""Every code of a row that enrolment makes itself. A picture that cannot be read or decoded brings its own
code."""

OVERRIDABLE = frozenset(
    {"picture_of_another_talent", "near_duplicate", "closer_to_another_talent", "inconsistent"}
)
"""Objections that yield when the caller confirms the picture."""

BYSTANDER = 0.5
"""A face with less than this share of the most prominent one's prominence is a bystander, no second
subject."""

CHOSEN_OVERLAP = 0.3
"""How far (intersection over union) a chosen box must overlap the face that it means."""

SAME_PHOTOGRAPH = 0.9
"""Cosine of two faces from one photograph, re-encoded or resized. Two photographs of one person lie below it,
nearly always; hashes alone would take any two pictures of one composition for the same."""

UNLIKE = 0.0
"""Strength below which two faces are rather two people: a log-likelihood ratio, 0 is as likely as not."""

STRANGERS_THIS_ALIKE = 0.1
"""A face that is less like its talent than one stranger in ten is taken for a mix-up."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a picture is not taken as a reference, or what to look at although it is. `boxes`: the faces to
    choose from, in pixels."""

    code: str
    detail: str
    boxes: tuple[Box, ...] = ()

    @property
    def overridable(self) -> bool:
        return self.code in OVERRIDABLE


@dataclass(frozen=True, slots=True)
class Release:
    """A biometric release: when it was signed and until when the template may be kept (None: no end was
    agreed)."""

    signed_at: datetime
    retain_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """The likeliest other talent, and how like it the face is, as a calibrated strength."""

    talent_id: str
    strength: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like its own talent and the likeliest other one a face is, as calibrated strengths; None: no
    reference."""

    own: float | None
    other: Other | None

    @property
    def own_is_nearer(self) -> bool:
        return self.own is not None and (self.other is None or self.own >= self.other.strength)


def judge_release(release: Release | None, at: datetime) -> Objection | None:
    if release is None:
        return Objection(
            "no_release",
            "no biometric release of this talent holds now: none is on record, it was revoked, or it is not signed yet; "
            "record one that was signed since",
        )
    if release.signed_at > at:
        return Objection(
            "no_release", f"the biometric release is only signed on {release.signed_at:%Y-%m-%d}"
        )
    if release.retain_until is not None and release.retain_until <= at:
        ended = f"{release.retain_until:%Y-%m-%d}"
        return Objection(
            "release_expired", f"the release allowed to keep templates until {ended}; ask for a new one"
        )
    return None


def judge_same_file(
    talent_id: str, owners: Iterable[tuple[str, str]], name_of: Callable[[str], str]
) -> Objection | None:
    """`owners`: (talent id, reference id) of every reference that is this very file."""
    references = dict(owners)
    if talent_id in references:
        return Objection("duplicate_picture", f"the same file is reference {references[talent_id]} already")
    for other in sorted(references):
        return Objection(
            "picture_of_another_talent",
            f"the same file is a reference of talent {name_of(other)}; confirm it if both are in the picture",
        )
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The face that a picture is taken for, and what a person should know about that."""

    face: Face
    note: Objection | None = None


def choose_face(faces: Sequence[Face], box: Box | None, size: tuple[int, int]) -> Choice | Objection:
    """The face that is meant: the one in the chosen box, or the only clear one, or the far most prominent of
    them.

    size: width and height of the picture, in pixels.
    """
    if not faces:
        return Objection("no_face", "no face was found; use a picture that shows the face from the front")
    if box is not None:
        return _in_box(faces, box)
    clear = [face for face in faces if face.quality.usable]
    if len(clear) < 2:
        return Choice(max(clear or faces, key=lambda face: face.box.area))
    return _most_prominent(clear, size)


def judge_quality(face: Face) -> Objection | None:
    if face.quality.usable:
        return None
    faults = ", ".join(face.quality.faults).replace("_", " ")
    seen = f"{face.quality.pixels:.0f} pixels between the eyes, sharpness {face.quality.sharpness:.0f}"
    return Objection(
        f"low_quality_{face.quality.faults[0]}",
        f"the face is not good enough: {faults} ({seen}); use a larger or clearer picture",
        (face.box,),
    )


def judge_near_duplicate(
    talent_id: str, own: FaceCandidate | None, copies: Iterable[CopyCandidate], policy: MatchPolicy
) -> Objection | None:
    """The same photograph: very near by every hash that is calibrated, and the same face to the pixel."""
    hashes = {signal for signal in policy.copies if signal.kind is SignalKind.HASH}
    if own is None or own.similarity < SAME_PHOTOGRAPH or not hashes:
        return None
    near = {
        name: {c.signal for c in group if _very_near(c, policy)} for name, group in _of(talent_id, copies)
    }
    same = sorted(name for name, signals in near.items() if signals >= hashes)
    if not same:
        return None
    return Objection(
        "near_duplicate", f"reference {same[0]} shows the same photograph; a second copy adds nothing"
    )


def likeness(
    talent_id: str, own: FaceCandidate | None, candidates: Iterable[FaceCandidate], policy: MatchPolicy
) -> Likeness:
    others = (
        Other(candidate.talent_id, strength_of(candidate, policy))
        for candidate in candidates
        if candidate.talent_id != talent_id
    )
    nearest = max(others, key=lambda other: other.strength, default=None)
    return Likeness(None if own is None else strength_of(own, policy), nearest)


def judge_likeness(like: Likeness, policy: MatchPolicy, name_of: Callable[[str], str]) -> Objection | None:
    """A face that would be found as another talent, or is as unlike its own talent as a stranger's."""
    other = like.other
    if other is not None and other.strength >= policy.bands.match and not like.own_is_nearer:
        return Objection(
            "closer_to_another_talent",
            f"the face is more like talent {name_of(other.talent_id)} than like this talent; "
            "confirm it if it is no mix-up",
        )
    if like.own is not None and like.own < policy.calibration.threshold(STRANGERS_THIS_ALIKE, 1):
        return Objection(
            "inconsistent",
            "the face is as unlike this talent's other references as a stranger's; "
            "confirm it if it is the same person",
        )
    return None


def note_likeness(like: Likeness) -> Objection | None:
    """What to look at in a face that is accepted."""
    if like.own is None or like.own >= UNLIKE:
        return None
    return Objection(
        "unlike_references", "the face is rather unlike this talent's other references; look at them together"
    )


def strength_of(candidate: FaceCandidate, policy: MatchPolicy) -> float:
    """The calibrated strength. Raises SignalMismatch when the candidate is of another network than the
    table."""
    table = policy.calibration
    table.signal.require(candidate.signal)
    return table.strength(
        table.score(candidate.similarity, candidate.template_similarity, candidate.commonness)
    )


def prominence(box: Box, size: tuple[int, int]) -> float:
    """Area times nearness to the middle of the picture (1 in the middle, 0 in a corner)."""
    middle_x, middle_y = size[0] / 2, size[1] / 2
    off = math.hypot(box.x + box.width / 2 - middle_x, box.y + box.height / 2 - middle_y)
    return box.area * max(0.0, 1 - off / math.hypot(middle_x, middle_y))


def _most_prominent(clear: Sequence[Face], size: tuple[int, int]) -> Choice | Objection:
    """Press and event photographs are of the person in the middle, whoever stands behind; two people side by
    side are nobody's portrait."""
    most = max(prominence(face.box, size) for face in clear)
    subjects = [face for face in clear if prominence(face.box, size) >= BYSTANDER * most]
    boxes = tuple(face.box for face in sorted(subjects, key=lambda face: face.box.x))
    named = "; ".join(map(_written, boxes))
    if len(subjects) > 1:
        detail = f"{len(subjects)} clear faces; choose one by its box: {named}"
        return Objection("several_faces", detail, boxes)
    note = f"the most prominent of {len(clear)} clear faces was taken, at {named}"
    return Choice(subjects[0], Objection("most_prominent", note))


def _in_box(faces: Sequence[Face], box: Box) -> Choice | Objection:
    best = max(faces, key=lambda face: face.box.overlap(box))
    if best.box.overlap(box) >= CHOSEN_OVERLAP:
        return Choice(best)
    boxes = tuple(face.box for face in faces)
    named = "; ".join(_written(each) for each in boxes)
    return Objection("no_face_in_box", f"no face in the box {_written(box)}; faces are at {named}", boxes)


def _written(box: Box) -> str:
    """x,y,width,height in whole pixels, as a box is chosen on the command line."""
    return f"{box.x:.0f},{box.y:.0f},{box.width:.0f},{box.height:.0f}"


def _very_near(copy: CopyCandidate, policy: MatchPolicy) -> bool:
    table = policy.copies.get(copy.signal)
    return table is not None and copy.similarity >= table.very_near


def _of(talent_id: str, copies: Iterable[CopyCandidate]) -> Iterable[tuple[str, list[CopyCandidate]]]:
    """The copy candidates of one talent by reference."""
    groups: dict[str, list[CopyCandidate]] = {}
    for copy in copies:
        if copy.talent_id == talent_id:
            groups.setdefault(copy.reference_id, []).append(copy)
    return groups.items()
