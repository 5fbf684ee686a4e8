"""Proofs: what geometry measured of a picture and one reference. Values only; `detector.geometry` makes them."""

from __future__ import annotations

from dataclasses import dataclass

from detector.signals import Box

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) of a convex region, as fractions of a picture's width and height."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a reference lies in a picture.

    inliers: keypoints that the homography brings together. agreement: of what shows anything and lies over each
    other, the share that looks alike; filled: of what does not, the part that has one shade in the picture (a band, a
    blot). rotation: degrees clockwise, of the mirror image where mirrored. query_region, reference_region: what
    lies over each other, and query_share, reference_share its part of each picture's area, 0 to 1.
    face_agreement: the same as agreement for the reference's face; None where it is unknown, shows nothing or
    lies outside. face_box: where that face should be in the picture, as fractions of it (with its margin); face_at:
    the place in the picture's order of the face that was found there.
    """

    inliers: int
    agreement: float
    filled: float
    mirrored: bool
    rotation: float
    query_region: Polygon
    reference_region: Polygon
    query_share: float
    reference_share: float
    face_agreement: float | None = None
    face_box: Box | None = None
    face_at: int | None = None
