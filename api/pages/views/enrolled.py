"""What became of pictures that were sent as references, and which talents can be recognised, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detector.signals import Box
from indexer.enrolment import EnrolmentResult, Status
from indexer.judging import OVERRIDABLE

NAMES: Mapping[Status, str] = {
    Status.ACCEPTED: "Kept",
    Status.UNCHANGED: "Here already",
    Status.REJECTED: "Not kept",
}

CHOOSE = "several_faces"
"""The code of a picture in which a person must say which face is meant."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One face of a picture, in percent of it; `box` is what the form sends back."""

    box: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One picture's outcome. `faces`: to choose from, in a picture of `width` by `height`; `confirmable`: it is kept
    when a person says that they have looked."""

    name: str
    status: Status
    told: str
    detail: str
    code: str
    faces: tuple[Drawn, ...] = ()
    width: int = 0
    height: int = 0
    confirmable: bool = False


def outcome_of(result: EnrolmentResult, size: tuple[int, int] | None) -> Outcome:
    """`size`: of the picture, where faces are to be chosen from."""
    width, height = size or (0, 0)
    choosing = result.code == CHOOSE and size is not None
    faces = tuple(_drawn(box, width, height) for box in result.boxes) if choosing else ()
    confirmable = result.status is Status.REJECTED and result.code in OVERRIDABLE
    return Outcome(
        result.image,
        result.status,
        NAMES[result.status],
        f"{len(faces)} clear faces: say which one is meant." if faces else result.detail or "",
        result.code or "",
        faces,
        width,
        height,
        confirmable,
    )


def counted(outcomes: tuple[Outcome, ...]) -> str:
    """How many came to what, in one sentence."""
    counts = {name: sum(each.told == name for each in outcomes) for name in NAMES.values()}
    return ", ".join(f"{count} {name.lower()}" for name, count in counts.items() if count)


def _drawn(box: Box, width: int, height: int) -> Drawn:
    sent = ",".join(f"{value:.1f}" for value in (box.x, box.y, box.width, box.height))
    shares = (box.x / width, box.y / height, box.width / width, box.height / height)
    left, top, wide, high = (round(100 * share, 2) for share in shares)
    return Drawn(sent, left, top, wide, high)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a talent can be recognised now, and if not, what is missing."""

    findable: bool
    told: str


def standing(row: Mapping[str, Any]) -> Standing:
    """Of a row of `Registration.rows_of`."""
    if row["erased_at"] is not None:
        return Standing(False, "erased")
    if not row["biometric_consent"]:
        return Standing(False, "no release in force")
    if not row["references"]:
        return Standing(False, "no picture yet")
    return Standing(True, "can be recognised")
