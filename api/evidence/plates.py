"""Plates: the flagged picture beside a reference, with what was matched drawn on both.

    picture + box or region ┐
                            ├─▶ one JPEG; lines between keypoints where geometry finds them
    reference + its own     ┘

A face has a box on both sides; a copy the region that lies over each other, and its keypoints.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from api.evidence.gathering import Matter, Shown
from detector.errors import InputError
from detector.geometry.features import QUERY, describe
from detector.geometry.matched import Spot, matched_spots
from detector.imagery import DecodedImage
from detector.ports import Decoder

SIDE, GAP, MARGIN = 900, 24, 16
"""Longer side of each picture, and the white between and around them, in pixels."""

MARK, REGION, LINE = (204, 32, 32), (32, 96, 204), (24, 150, 72)
LINES = 40
"""Keypoint lines that are drawn at most; more hide the pictures."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plate:
    """One encoded JPEG. points: keypoints that geometry brought together, 0 where nothing was to be compared."""

    of: str
    data: bytes
    points: int


def draw_plate(matter: Matter, picture: bytes, shown: Shown | None, decode: Decoder) -> Plate | None:
    """The plate of one part of the picture. None when the picture can't be opened any more."""
    ours = _decoded(picture, decode)
    if ours is None:
        return None
    theirs = _decoded(shown.picture, decode) if shown and shown.picture else None
    left, right = _marked_picture(ours, matter), _marked_reference(theirs, shown, matter)
    spots = _spots(ours, theirs) if theirs and "box" not in matter.row else []
    sheet = _beside(left, right, spots)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return Plate(matter.of, buffer.getvalue(), len(spots))


def _decoded(data: bytes, decode: Decoder) -> DecodedImage | None:
    try:
        return decode(data, source="")
    except InputError:
        return None


def _spots(ours: DecodedImage, theirs: DecodedImage) -> list[tuple[Spot, Spot]]:
    return matched_spots(describe(ours.pixels, QUERY), describe(theirs.pixels, QUERY))


def _marked_picture(image: DecodedImage, matter: Matter) -> Image.Image:
    small = _small(image)
    if "box_normalised" in matter.row:
        box = matter.row["box_normalised"]
        _box(small, (box["x"], box["y"], box["width"], box["height"]))
    if matter.row.get("proof"):
        _outline(small, matter.row["proof"]["picture_region"])
    return small


def _marked_reference(image: DecodedImage | None, shown: Shown | None, matter: Matter) -> Image.Image | None:
    if image is None or shown is None:
        return None
    small = _small(image)
    face = shown.reference.box.normalised(image.width, image.height)
    _box(small, (face.x, face.y, face.width, face.height))
    if matter.row.get("proof"):
        _outline(small, matter.row["proof"]["reference_region"])
    return small


def _small(image: DecodedImage) -> Image.Image:
    small = Image.fromarray(image.pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small


def _box(image: Image.Image, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    corners = [(x * image.width, y * image.height), ((x + width) * image.width, (y + height) * image.height)]
    ImageDraw.Draw(image).rectangle(corners, outline=MARK, width=4)


def _outline(image: Image.Image, region: Sequence[Sequence[float]]) -> None:
    points = [(x * image.width, y * image.height) for x, y in region]
    if len(points) > 1:
        ImageDraw.Draw(image).line([*points, points[0]], fill=REGION, width=4)


def _beside(left: Image.Image, right: Image.Image | None, spots: Sequence[tuple[Spot, Spot]]) -> Image.Image:
    sides = [side for side in (left, right) if side is not None]
    width = sum(side.width for side in sides) + GAP * (len(sides) - 1) + 2 * MARGIN
    sheet = Image.new("RGB", (width, max(side.height for side in sides) + 2 * MARGIN), "white")
    at = MARGIN
    corners: list[Place] = []
    for side in sides:
        sheet.paste(side, (at, MARGIN))
        corners.append((at, MARGIN))
        at += side.width + GAP
    if right is not None:
        _lines(sheet, (left, corners[0]), (right, corners[1]), spots)
    return sheet


def _lines(
    sheet: Image.Image,
    ours: tuple[Image.Image, Place],
    theirs: tuple[Image.Image, Place],
    spots: Sequence[tuple[Spot, Spot]],
) -> None:
    pen = ImageDraw.Draw(sheet)
    step = max(1, -(-len(spots) // LINES))
    for here, there in spots[::step]:
        ends = [_on_sheet(ours, here), _on_sheet(theirs, there)]
        pen.line(ends, fill=LINE, width=1)
        for x, y in ends:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=LINE, width=2)


def _on_sheet(side: tuple[Image.Image, Place], spot: Spot) -> Place:
    image, (left, top) = side
    return left + spot[0] * image.width, top + spot[1] * image.height
