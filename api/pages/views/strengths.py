"""Strengths on their scale: where the match, the threshold and the other candidates lie. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from api.reports.cards import Gauge, Scale
from api.reports.rows import assigned
from detector.finding import Row

EDGE = 14.0
"""Percent of the width, from either end, in which a label would run out of the picture."""


@dataclass(frozen=True, slots=True)
class Dot:
    """Another candidate of the same face."""

    at: float
    name: str
    value: float


def scale_of(row: Row) -> Scale:
    """The range that holds every candidate's strength, the threshold and zero, with a little air at both ends."""
    values = [0.0, 1.0, *_strengths(row)]
    threshold = row["threshold_applied"].get(row["signals"]["face"])
    values += [] if threshold is None else [threshold]
    air = 0.06 * (max(values) - min(values))
    return Scale(min(values) - air, max(values) + air)


def _strengths(row: Row) -> list[float]:
    return [candidate["strength"] for face in row["faces"] for candidate in face["candidates"]]


def rivals(row: Row, gauge: Gauge, scale: Scale) -> list[Dot]:
    """The other candidates of the face that this gauge shows; none for a copy."""
    face = next((each for each in row["faces"] if _shows(gauge, each)), None)
    if face is None:
        return []
    others = (each for each in face["candidates"] if each["talent"] != face["talent"])
    return [
        Dot(scale.position(each["strength"]), each["talent_ref"] or each["talent"], each["strength"])
        for each in others
    ]


def _shows(gauge: Gauge, face: Row) -> bool:
    chosen = assigned(face)
    return gauge.label == "face" and chosen is not None and chosen["strength"] == gauge.value


def anchor(at: float) -> str:
    """How a label at this percentage must be set so that it stays inside."""
    return "start" if at < EDGE else "end" if at > 100 - EDGE else "middle"
