"""Small faces in large pictures: how many of a crowd are found, and at what cost.

    python -m benchmarks.crowds ../shared/eval [--faces 120] [--seed 1]

    LFW photographs, scaled, side by side on one canvas ─ JPEG ─ decode, find ─▶ found, usable, milliseconds

The truth is the canvas: one face in the middle of each cell. Twice, as it is and with the setting `thorough`."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from api.composition import THOROUGH_SIDE
from benchmarks.evaluation import read_probes
from benchmarks.figures import heading
from data.weights import WeightsCache
from detector.decoding import DecodeLimits, decode
from detector.faces.networks import FaceNetworks, FaceSettings, FoundFace
from detector.faces.yunet import DetectorSettings

WIDTH, HEIGHT = 3000, 2000
CELLS = (60, 80, 100, 125, 160, 250)
"""Sides of a cell in pixels; a face of LFW is about 0.4 of it wide."""
FACE = 0.4
NEAR = 0.2
"""A face belongs to a cell when its middle is that near to the cell's, in sides of the cell."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """jpeg: the picture. middles: of its cells, in pixels. cell: their side."""

    jpeg: bytes
    middles: tuple[tuple[float, float], ...]
    cell: int


def crowd(photographs: Sequence[Path], cell: int, chance: random.Random) -> Crowd:
    """The photographs in cells drawn at random."""
    canvas = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    places = [(x, y) for y in range(0, HEIGHT - cell + 1, cell) for x in range(0, WIDTH - cell + 1, cell)]
    drawn = chance.sample(places, min(len(places), len(photographs)))
    for (x, y), photograph in zip(drawn, photographs, strict=False):
        face = decode(photograph.read_bytes(), DecodeLimits()).pixels
        canvas[y : y + cell, x : x + cell] = cv2.resize(face, (cell, cell), interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return Crowd(jpeg.tobytes(), tuple((x + cell / 2, y + cell / 2) for x, y in drawn), cell)


def measure(networks: FaceNetworks, picture: Crowd, long_side: int) -> tuple[float, float, float]:
    """Shares found and usable, and the processor's milliseconds for finding, aligning and judging."""
    image = decode(picture.jpeg, DecodeLimits(long_side=long_side))
    started = time.process_time()
    faces = networks.find(image)
    spent = 1000 * (time.process_time() - started)
    best = [_at(faces, middle, picture.cell) for middle in picture.middles]
    found = [face for face in best if face is not None]
    usable = sum(face.quality.usable for face in found)
    return len(found) / len(best), usable / len(best), spent


def _at(faces: Sequence[FoundFace], middle: tuple[float, float], cell: int) -> FoundFace | None:
    """The face of one cell, a usable one before another."""
    near = [face for face in faces if _distance(face, middle) <= NEAR * cell]
    return max(near, key=lambda face: face.quality.usable, default=None)


def _distance(face: FoundFace, middle: tuple[float, float]) -> float:
    x, y, width, height = face.place.box
    return float(np.hypot(x + width / 2 - middle[0], y + height / 2 - middle[1]))


def main() -> None:
    options = _options()
    print(heading(options))
    lfw = [options.folder / probe.image for probe in read_probes(options.folder) if probe.group == "lfw"]
    chance = random.Random(options.seed)  # noqa: S311  # a draw, no secret
    photographs = chance.sample(lfw, options.faces)
    ways = {tiles: _networks(tiles) for tiles in (False, True)}
    print("face width | found, usable, ms | thorough: found, usable, ms")
    for cell in CELLS:
        picture = crowd(photographs, cell, chance)
        cells = [
            "{:.0%}, {:.0%}, {:.0f}".format(*measure(ways[tiles], picture, THOROUGH_SIDE if tiles else 2000))
            for tiles in (False, True)
        ]
        print(f"| {cell * FACE:.0f} px | {cells[0]} | {cells[1]} |", flush=True)


def _networks(tiles: bool) -> FaceNetworks:
    weights = WeightsCache(Path.home() / ".cache" / "lookalike")
    settings = FaceSettings(DetectorSettings(tiles=tiles))
    networks = FaceNetworks(weights.ensure("yunet"), weights.ensure("sface"), settings=settings)
    networks.load()
    return networks


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--faces", type=int, default=120, help="photographs on the canvas")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
