"""A whole installation in a temporary folder, with real SQLite and an extractor that needs no weights.

`ColourExtractor` is a small real extractor: a picture's colour is who is in it. Grey shows nobody, a picture of two
colours side by side shows two people, a dark one a face too poor to keep. Two pictures of one colour are alike, not
equal. So a test draws its people, and every step around the networks runs as it does for a person.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from api.commands import app
from api.composition import Parts
from api.settings import Configured, load_settings
from detector.faces.sface import SIGNAL
from detector.imagery import DecodedImage
from detector.signals import Box, Face, FacePlace, FaceQuality, SignalId, SignalKind, Signals, SignalSet

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RED, BLUE, GREEN, GREY, DARK = (200, 40, 40), (40, 40, 200), (40, 160, 40), (128, 128, 128), (60, 10, 10)
Colour = tuple[int, int, int]


class ColourExtractor:
    """Implements detector.ports.Extractor over colours."""

    def __init__(self, signal: SignalId = SIGNAL) -> None:
        self.made_by = SignalSet(signal, None, (), {SignalKind.IMAGE: "colours have no embedding"})

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        return [Signals(tuple(self._faces(image)), None, {}, self.made_by) for image in images]

    def extract_known(self, images: Sequence[DecodedImage], places: Sequence[FacePlace]) -> list[Signals]:
        """Of each picture the person in that place."""
        pairs = zip(self.extract(images), places, strict=True)
        return [replace(one, faces=(_nearest(one.faces, place),)) for one, place in pairs]

    def _faces(self, image: DecodedImage) -> list[Face]:
        return _faces(image, self.made_by.face)

    def close(self) -> None:
        """Holds nothing."""


def _nearest(faces: Sequence[Face], place: FacePlace) -> Face:
    return max(faces, key=lambda face: face.box.overlap(place.box))


def _faces(image: DecodedImage, signal: SignalId) -> list[Face]:
    half = max(1, image.width // 2)
    sides = [image.pixels[:, :half], image.pixels[:, -half:]]
    colours = [tuple(round(float(v) / 20) for v in side.mean(axis=(0, 1))) for side in sides]
    shown = {colour: side for side, colour in enumerate(colours) if max(colour) - min(colour) > 1}
    return [_face(image, colour, side, len(shown), signal) for colour, side in shown.items()]


def _face(image: DecodedImage, colour: tuple[int, ...], side: int, faces: int, signal: SignalId) -> Face:
    """Another signal sees the same person otherwise."""
    own_way = () if signal == SIGNAL else (zlib.crc32(str(signal).encode()),)
    person = np.random.default_rng((*colour, *own_way)).normal(size=128)
    own = np.random.default_rng(int(image.sha256[:8], 16)).normal(size=128)
    vector = (person + 0.3 * own).astype(np.float32)
    width = image.width / faces
    box = Box(side * width if faces > 1 else 0.0, 0.0, width, image.height)
    points = tuple((box.x + x, 20.0) for x in (10.0, 20.0, 15.0, 11.0, 19.0))
    quality = FaceQuality(0.9, 40.0, 100.0, 0.0, ("too_small",) if max(colour) < 5 else ())
    return Face(box, points, 0.9, quality, vector / np.linalg.norm(vector))


def drawn(*colours: Colour, seed: int = 0, size: int = 64) -> bytes:
    """A PNG of these colours side by side, with noise of its own."""
    noise = np.random.default_rng(seed).integers(-4, 5, (size, size, 3))
    halves = np.hstack([np.full((size, size // len(colours), 3), colour) for colour in colours])
    buffer = io.BytesIO()
    Image.fromarray(np.clip(halves + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Installation:
    """One installation and its folder. `run` runs the command line in this process, `parts` as its outside."""

    folder: Path
    parts: Parts

    def run(self, *arguments: object, code: int | None = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], obj=self.parts)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, f"{result.exit_code}: {result.output}"
        return result

    def json(self, *arguments: object, code: int = 0) -> Any:
        return self.json_of(*arguments, "--json", code=code)

    def json_of(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, code=code).stdout)

    @property
    def configured(self) -> Configured:
        """The settings that the variables of this test set."""
        return load_settings(os.environ, self.folder)

    def picture(self, name: str, *colours: Colour, seed: int = 0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn(*colours, seed=seed))
        return path

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path
